// SPDX-License-Identifier: Apache-2.0
/** A log that goes nowhere, for tests and for library use. */
import type { Logger } from './logger.js';

const nothing = (): void => undefined;

export const silentLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  isEnabled: () => false,
  child: () => silentLogger,
  flush: nothing,
};
