// SPDX-License-Identifier: Apache-2.0
/** The probe for Node.js: which incoming request caused which outgoing one. */
import { defineProbe } from '@obi/core/probe';
import { nodeConfig } from './config.js';
import { NodeRuntime } from './node-runtime.js';

export default defineProbe({ id: 'node', api: 1, config: nodeConfig, runtime: NodeRuntime, events: {} });
