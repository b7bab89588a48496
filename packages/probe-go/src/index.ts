// SPDX-License-Identifier: Apache-2.0
/** Go probe: what core has to know about it. It has no events: it only says which request its processes work for. */
import { defineProbe } from '@obi/core/probe';
import { goConfig } from './config.js';
import { GoRuntime } from './go-runtime.js';

export default defineProbe({ id: 'go', api: 1, events: {}, config: goConfig, runtime: GoRuntime });
export { GoRuntime } from './go-runtime.js';
