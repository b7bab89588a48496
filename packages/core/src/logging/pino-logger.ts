// SPDX-License-Identifier: Apache-2.0
/** The log, written by pino to standard error without a worker thread. */
import { type DestinationStream, type Logger as PinoLogger, pino, stdSerializers } from 'pino';
import { FileSink } from './file-sink.js';
import { formatLine } from './format-line.js';
import type { LogFields, Logger, LogLevel } from './logger.js';

export interface LoggerOptions {
  readonly level?: LogLevel;
  /** `text`: one short line for people; `json`: one JSON object a line. */
  readonly format?: 'text' | 'json';
  /** Where lines go: a file descriptor (default 2, standard error), or a stream of the caller. */
  readonly output?: number | { write(line: string): void };
}

const PINO_LEVEL: Readonly<Record<LogLevel, string>> = { DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' };

/** A line is written when it is logged: with a buffer, a flush at exit overtakes the write that the event loop has begun, and the last lines of a run come in the wrong order or not at all. */
export function createLogger(options: LoggerOptions = {}): Logger {
  const output = options.output ?? 2;
  const sink = typeof output === 'number' ? new FileSink(output) : output;
  const stream: DestinationStream = options.format === 'json' ? sink : { write: (line) => void sink.write(formatLine(line)) };
  const inner = pino(
    {
      level: PINO_LEVEL[options.level ?? 'INFO'],
      base: null,
      messageKey: 'message',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label.toUpperCase() }) },
      serializers: { err: stdSerializers.err },
    },
    stream,
  );
  return new PinoBackedLogger(inner);
}

class PinoBackedLogger implements Logger {
  readonly #inner: PinoLogger;

  constructor(inner: PinoLogger) {
    this.#inner = inner;
  }

  debug(message: string, fields: LogFields = {}): void {
    this.#inner.debug(fields, message);
  }
  info(message: string, fields: LogFields = {}): void {
    this.#inner.info(fields, message);
  }
  warn(message: string, fields: LogFields = {}): void {
    this.#inner.warn(fields, message);
  }
  error(message: string, fields: LogFields = {}): void {
    this.#inner.error(fields, message);
  }
  isEnabled(level: LogLevel): boolean {
    return this.#inner.isLevelEnabled(PINO_LEVEL[level]);
  }
  child(fields: LogFields): Logger {
    return new PinoBackedLogger(this.#inner.child(fields));
  }
  /** Nothing is ever held. */
  flush(): void {}
}
