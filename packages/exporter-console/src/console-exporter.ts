// SPDX-License-Identifier: Apache-2.0
/** Prints each span as it ends: OTEL_EBPF_TRACE_PRINTER. */
import type { ExporterStats, ProcessDirectory, SpanExporter, SpanWriter } from '@obi/core';
import type { PrinterFormat } from './format/printer-format.js';
import { spanToJson } from './format/span-json.js';
import { spanToText } from './format/span-text.js';
import { ObjectSpanWriter } from './object-span-writer.js';
import type { StoredSpan } from './stored-span.js';

/** The part of a writable stream that the printer uses. */
export interface ConsoleOutput {
  /** `done` is called once, with an error when the text did not get out. */
  write(text: string, done: (error?: Error | null) => void): boolean;
  on(event: 'drain', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'drain', listener: () => void): unknown;
}

export interface ConsoleExporterOptions {
  readonly directory: ProcessDirectory;
  readonly format: PrinterFormat;
  /** Default: standard output. */
  readonly output?: ConsoleOutput;
  /** Text that may wait for a slow reader; spans beyond it are dropped and counted. Default 8 MiB. */
  readonly maxHeldBytes?: number;
}

/** Some 8,000 spans: what comes in a second or two while the reader does something else. */
const MAX_HELD_BYTES = 8 * 1024 * 1024;
const FORMATS: Readonly<Record<PrinterFormat, (span: StoredSpan) => string>> = {
  text: (span) => `${spanToText(span)}\n`,
  json: (span) => `${JSON.stringify(spanToJson(span))}\n`,
  json_indent: (span) => `${JSON.stringify(spanToJson(span), null, 2)}\n`,
};

export class ConsoleExporter implements SpanExporter {
  readonly name = 'console';
  readonly writer: SpanWriter;
  private readonly output: ConsoleOutput;
  private readonly maxHeldBytes: number;
  private held = '';
  private heldSpans = 0;
  /** Of writes that have not answered. */
  private writtenSpans = 0;
  private total = 0;
  private printed = 0;
  private failedWrites = 0;
  private readonly dropped = { slow_output: 0, closed_output: 0, incomplete: 0 };
  /** The output said that it is full; until it drains, text is held. */
  private blocked = false;
  private closed = false;
  private drained: (() => void)[] = [];

  constructor({ directory, format, output = process.stdout, maxHeldBytes = MAX_HELD_BYTES }: ConsoleExporterOptions) {
    this.output = output;
    this.maxHeldBytes = maxHeldBytes;
    const print = FORMATS[format];
    const onIncomplete = (): void => {
      this.total++;
      this.dropped.incomplete++;
    };
    this.writer = new ObjectSpanWriter(directory, (span) => this.add(print(span)), onIncomplete);
    output.on('drain', this.onDrain);
    output.on('error', this.onError);
  }

  /** Writes what was printed since the last call, in one go. */
  tick(): void {
    if (this.held === '' || this.blocked || this.closed) return;
    const { held, heldSpans } = this;
    this.held = '';
    this.heldSpans = 0;
    this.writtenSpans += heldSpans;
    this.blocked = !this.output.write(held, (error) => {
      this.writtenSpans -= heldSpans;
      if (error) this.dropped.closed_output += heldSpans;
      else this.printed += heldSpans;
      this.settle();
    });
  }

  async flush(timeoutMs: number): Promise<void> {
    this.tick();
    if (this.isSettled) return;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([new Promise<void>((resolve) => this.drained.push(resolve)), timeout]);
    clearTimeout(timer);
  }

  stats(): ExporterStats {
    return {
      spans: this.total,
      exported: this.printed,
      dropped: Object.fromEntries(Object.entries(this.dropped).filter(([, count]) => count > 0)),
      failedRequests: this.failedWrites,
      heldSpans: this.heldSpans + this.writtenSpans,
      heldBytes: this.held.length,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush(1000);
    this.close(this.dropped.slow_output === 0 ? 'closed_output' : 'slow_output');
    this.output.off('drain', this.onDrain); // not that of 'error': what was written last may still fail
  }

  private add(text: string): void {
    this.total++;
    if (this.closed) this.dropped.closed_output++;
    else if (this.held.length + text.length > this.maxHeldBytes && this.blocked) this.dropped.slow_output++;
    else {
      this.held += text;
      this.heldSpans++;
      if (this.held.length > this.maxHeldBytes) this.tick();
    }
  }

  private readonly onDrain = (): void => {
    this.blocked = false;
    this.tick();
    this.settle();
  };

  /** The reader is gone (EPIPE): spans are counted from now on, obi goes on. */
  private readonly onError = (): void => {
    this.failedWrites++;
    this.close('closed_output');
    this.settle();
  };

  /** Nothing is on its way, or will be. */
  private get isSettled(): boolean {
    return this.writtenSpans === 0 && (!this.blocked || this.closed);
  }

  private settle(): void {
    if (this.isSettled) for (const resolve of this.drained.splice(0)) resolve();
  }

  private close(reason: 'closed_output' | 'slow_output'): void {
    this.closed = true;
    this.dropped[reason] += this.heldSpans;
    this.held = '';
    this.heldSpans = 0;
  }
}
