// SPDX-License-Identifier: Apache-2.0
/** The token of the checked configuration, apart from its schema: who asks for the configuration need not load what checks it. */
import type { Config as Values } from './schema.js';

export const Config = Symbol.for('obi.Config');
export type Config = Values;
