/** The span contract: a decoder writes its span here, field by field, and no object is made per span. */

/** OTLP `SpanKind` numbers (opentelemetry-proto trace.proto). */
export const SpanKind = { INTERNAL: 1, SERVER: 2, CLIENT: 3, PRODUCER: 4, CONSUMER: 5 } as const;
export type SpanKind = (typeof SpanKind)[keyof typeof SpanKind];

/** OTLP `StatusCode` numbers. A span without a `status()` call is UNSET. */
export const StatusCode = { UNSET: 0, OK: 1, ERROR: 2 } as const;
export type StatusCode = (typeof StatusCode)[keyof typeof StatusCode];

/** An attribute name, encoded once at start; make it with {@link attributeKey} at module level, never per span. */
export interface AttributeKey {
  readonly name: string;
  /** UTF-8 of `name`. */
  readonly bytes: Uint8Array;
}

export function attributeKey(name: string): AttributeKey {
  return { name, bytes: new TextEncoder().encode(name) };
}

/** What an attribute that the program set itself holds: a bigint is an integer of 64 bits, a number a double, whatever its value. */
export type SpanValue = string | boolean | number | bigint | readonly (string | boolean | number | bigint)[];
export type SpanAttributes = readonly (readonly [name: string, value: SpanValue])[];

export interface SpanEvent {
  readonly timeUnixNano: bigint;
  readonly name: string;
  readonly attributes: SpanAttributes;
  /** Attributes that the program's own limits left out. */
  readonly droppedAttributes: number;
}

export interface SpanLink {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** The field `tracestate`; may be empty. */
  readonly traceState: string;
  readonly flags: number;
  readonly attributes: SpanAttributes;
  readonly droppedAttributes: number;
}

/** What is missing in a span. */
export interface DroppedCounts {
  readonly attributes: number;
  readonly events: number;
  readonly links: number;
}

/**
 * One record of the events ring buffer, as a window on the drained batch. The same object is reused for every record:
 * a decoder reads it during the call and keeps nothing of it.
 */
export interface RecordView {
  readonly view: DataView;
  readonly bytes: Uint8Array;
  /** Offset of the record's first byte (its `obi_event_hdr`) in `view` and `bytes`. */
  readonly base: number;
  /** Length of the record in bytes, header included. */
  readonly length: number;
}

/**
 * Writes one span at a time: `begin`, then the setters in any order, then `end`; `discard` instead of `end` drops it.
 * Not reentrant. Byte ranges are read during the call; the caller may reuse them afterwards.
 */
export interface SpanWriter {
  /**
   * Starts a span of process `pid` (root pid namespace).
   * @returns false when the process is unknown or deselected; the decoder then returns without writing.
   */
  begin(pid: number): boolean;
  kind(kind: SpanKind): void;
  /**
   * Ids as raw bytes inside `bytes`: trace id (16 bytes), span id (8), parent span id (8; all zero = root span).
   * @param flags W3C trace flags of the span (bit 0 = sampled).
   */
  ids(bytes: Uint8Array, traceId: number, spanId: number, parentSpanId: number, flags: number): void;
  /** Start and end as little-endian u64 CLOCK_MONOTONIC nanoseconds at two offsets of `view`; the writer turns them into Unix time. */
  times(view: DataView, start: number, end: number): void;
  /** The same in Unix nanoseconds, in its stead: times that the program took itself. */
  unixTimes(start: bigint, end: bigint): void;
  name(value: string): void;
  string(key: AttributeKey, value: string): void;
  /** A string attribute whose bytes (UTF-8 or ASCII as captured; invalid UTF-8 is replaced) are `bytes[start, end)`. */
  text(key: AttributeKey, bytes: Uint8Array, start: number, end: number): void;
  /** An integer attribute, |value| ≤ 2^53. */
  int(key: AttributeKey, value: number): void;
  bool(key: AttributeKey, value: boolean): void;
  double(key: AttributeKey, value: number): void;
  status(code: StatusCode, message?: string): void;
  /** An attribute of any name and type. It makes objects, as the three below do: for spans that the program made itself. */
  attribute(name: string, value: SpanValue): void;
  event(event: SpanEvent): void;
  link(link: SpanLink): void;
  dropped(counts: DroppedCounts): void;
  end(): void;
  discard(): void;
}
