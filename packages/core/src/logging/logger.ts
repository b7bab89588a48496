// SPDX-License-Identifier: Apache-2.0
/** The log as the rest of obi sees it; which library writes it is the business of pino-logger.ts. */

export type LogLevel = 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';

/** Further values of a log line. An `Error` under `err` is written with its message and code (and its stack in JSON). */
export type LogFields = Readonly<Record<string, unknown>>;

export const Logger = Symbol.for('obi.Logger');
/** Never throws, and never waits for long: a line that cannot be written is lost. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  isEnabled(level: LogLevel): boolean;
  /** A logger whose lines carry `fields` too. */
  child(fields: LogFields): Logger;
  /** After it nothing is held back; for loggers that hold lines. */
  flush(): void;
}
