// SPDX-License-Identifier: Apache-2.0
/** Python probe: what core has to know about it. It has no events: it only says which request its processes work for. */
import { defineProbe } from '@obi/core/probe';
import { PythonRuntime } from './python-runtime.js';

export default defineProbe({ id: 'python', api: 1, events: {}, runtime: PythonRuntime });
export { PythonRuntime } from './python-runtime.js';
