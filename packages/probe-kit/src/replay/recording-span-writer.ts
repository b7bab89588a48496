// SPDX-License-Identifier: Apache-2.0
/** A span writer for tests: collects spans as plain objects, and holds a decoder to the writer's contract. */
import type { AttributeKey, DroppedCounts, SpanEvent, SpanKind, SpanLink, SpanValue, SpanWriter, StatusCode } from '@obi/core';

/** A span as it was written. Ids are lower-case hex; `parentSpanId` is undefined for a root span. Times are CLOCK_MONOTONIC nanoseconds, or Unix ones where the program took them itself. */
export interface RecordedSpan {
  readonly pid: number;
  readonly name?: string;
  readonly kind?: SpanKind;
  readonly traceId?: string;
  readonly spanId?: string;
  readonly parentSpanId?: string;
  readonly flags?: number;
  readonly startNs?: bigint;
  readonly endNs?: bigint;
  readonly startUnixNano?: bigint;
  readonly endUnixNano?: bigint;
  readonly attributes: Readonly<Record<string, SpanValue>>;
  readonly events?: readonly SpanEvent[];
  readonly links?: readonly SpanLink[];
  readonly dropped?: DroppedCounts;
  readonly status?: { readonly code: StatusCode; readonly message?: string };
}

export interface RecordingOptions {
  /** Answer of `begin`; default: every process is known. */
  readonly accepts?: (pid: number) => boolean;
  /** Calls after which the writer throws, so that a decoder in a loop ends. Default 100 000. */
  readonly maxCalls?: number;
}

type Open = { -readonly [Key in keyof RecordedSpan]: RecordedSpan[Key] } & { attributes: Record<string, SpanValue> };

/** Throws an Error where a decoder breaks the contract: calls out of order, ranges outside the record, integers that are none. */
export class RecordingSpanWriter implements SpanWriter {
  /** Spans that were ended, in order. */
  readonly spans: RecordedSpan[] = [];
  discarded = 0;
  #open: Open | undefined;
  #calls = 0;

  constructor(private readonly options: RecordingOptions = {}) {}

  /** True between `begin` and `end` or `discard`: after a decoder returned, a fault. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  begin(pid: number): boolean {
    this.#count();
    if (this.#open !== undefined) throw new Error('begin: the span before was neither ended nor discarded');
    if (!Number.isInteger(pid)) throw new Error(`begin: pid ${pid} is no integer`);
    if (this.options.accepts?.(pid) === false) return false;
    this.#open = { pid, attributes: {} };
    return true;
  }
  kind(kind: SpanKind): void {
    this.#span('kind').kind = kind;
  }
  ids(bytes: Uint8Array, traceId: number, spanId: number, parentSpanId: number, flags: number): void {
    const span = this.#span('ids');
    span.traceId = hexOf(bytes, traceId, 16, 'trace id');
    span.spanId = hexOf(bytes, spanId, 8, 'span id');
    const parent = hexOf(bytes, parentSpanId, 8, 'parent span id');
    if (/[^0]/.test(parent)) span.parentSpanId = parent;
    span.flags = flags;
  }
  times(view: DataView, start: number, end: number): void {
    const span = this.#span('times');
    span.startNs = view.getBigUint64(start, true);
    span.endNs = view.getBigUint64(end, true);
  }
  unixTimes(start: bigint, end: bigint): void {
    const span = this.#span('unixTimes');
    span.startUnixNano = start;
    span.endUnixNano = end;
  }
  name(value: string): void {
    this.#span('name').name = value;
  }
  string(key: AttributeKey, value: string): void {
    this.#set(key, value, typeof value === 'string');
  }
  text(key: AttributeKey, bytes: Uint8Array, start: number, end: number): void {
    if (!(start >= 0 && start <= end && end <= bytes.length))
      throw new RangeError(`text ${key.name}: range ${start}..${end} is not inside the record's ${bytes.length} bytes`);
    this.#set(key, new TextDecoder().decode(bytes.subarray(start, end)), true);
  }
  int(key: AttributeKey, value: number): void {
    this.#set(key, value, Number.isSafeInteger(value));
  }
  bool(key: AttributeKey, value: boolean): void {
    this.#set(key, value, typeof value === 'boolean');
  }
  double(key: AttributeKey, value: number): void {
    this.#set(key, value, typeof value === 'number');
  }
  status(code: StatusCode, message?: string): void {
    this.#span('status').status = message === undefined ? { code } : { code, message };
  }
  attribute(name: string, value: SpanValue): void {
    this.#span(`attribute ${name}`).attributes[name] = value;
  }
  event(event: SpanEvent): void {
    const span = this.#span('event');
    span.events = [...(span.events ?? []), event];
  }
  link(link: SpanLink): void {
    const span = this.#span('link');
    span.links = [...(span.links ?? []), link];
  }
  dropped(counts: DroppedCounts): void {
    this.#span('dropped').dropped = counts;
  }
  end(): void {
    this.spans.push(this.#span('end'));
    this.#open = undefined;
  }
  discard(): void {
    this.#span('discard');
    this.discarded++;
    this.#open = undefined;
  }

  #set(key: AttributeKey, value: string | number | boolean, valid: boolean): void {
    if (!valid) throw new Error(`attribute ${key.name}: value ${String(value)} has the wrong type for the setter that was called`);
    this.#span(`attribute ${key.name}`).attributes[key.name] = value;
  }
  #span(call: string): Open {
    this.#count();
    if (this.#open === undefined) throw new Error(`${call}: no span is open; call begin first and stop when it returns false`);
    return this.#open;
  }
  #count(): void {
    const limit = this.options.maxCalls ?? 100_000;
    if (++this.#calls > limit) throw new Error(`more than ${limit} calls of the span writer: the decoder runs away`);
  }
}

function hexOf(bytes: Uint8Array, start: number, length: number, what: string): string {
  if (!(start >= 0 && start + length <= bytes.length)) throw new RangeError(`${what}: offset ${start} is not inside the record's ${bytes.length} bytes`);
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString('hex');
}
