// SPDX-License-Identifier: Apache-2.0
/** Several sinks at once: one writer that repeats each call to others. */
import type { AttributeKey, DroppedCounts, SpanEvent, SpanKind, SpanLink, SpanValue, SpanWriter, StatusCode } from './span-writer.js';

/** @returns a writer that fans out to `writers`; for a single one that writer itself, so that the usual case costs nothing. */
export function teeSpanWriter(writers: readonly SpanWriter[]): SpanWriter {
  const [first] = writers;
  return writers.length === 1 && first !== undefined ? first : new TeeSpanWriter(writers);
}

/** Writes each span to every writer whose `begin` took it. */
export class TeeSpanWriter implements SpanWriter {
  private readonly writers: readonly SpanWriter[];
  /** The writers that took the current span are `active[0, count)`. */
  private readonly active: SpanWriter[];
  private count = 0;

  constructor(writers: readonly SpanWriter[]) {
    this.writers = [...writers];
    this.active = [...writers];
  }

  begin(pid: number): boolean {
    this.count = 0;
    for (const writer of this.writers) if (writer.begin(pid)) this.active[this.count++] = writer;
    return this.count > 0;
  }

  kind(kind: SpanKind): void {
    for (let i = 0; i < this.count; i++) this.active[i]?.kind(kind);
  }

  ids(bytes: Uint8Array, traceId: number, spanId: number, parentSpanId: number, flags: number): void {
    for (let i = 0; i < this.count; i++) this.active[i]?.ids(bytes, traceId, spanId, parentSpanId, flags);
  }

  times(view: DataView, start: number, end: number): void {
    for (let i = 0; i < this.count; i++) this.active[i]?.times(view, start, end);
  }

  unixTimes(start: bigint, end: bigint): void {
    for (let i = 0; i < this.count; i++) this.active[i]?.unixTimes(start, end);
  }

  name(value: string): void {
    for (let i = 0; i < this.count; i++) this.active[i]?.name(value);
  }

  string(key: AttributeKey, value: string): void {
    for (let i = 0; i < this.count; i++) this.active[i]?.string(key, value);
  }

  text(key: AttributeKey, bytes: Uint8Array, start: number, end: number): void {
    for (let i = 0; i < this.count; i++) this.active[i]?.text(key, bytes, start, end);
  }

  int(key: AttributeKey, value: number): void {
    for (let i = 0; i < this.count; i++) this.active[i]?.int(key, value);
  }

  bool(key: AttributeKey, value: boolean): void {
    for (let i = 0; i < this.count; i++) this.active[i]?.bool(key, value);
  }

  double(key: AttributeKey, value: number): void {
    for (let i = 0; i < this.count; i++) this.active[i]?.double(key, value);
  }

  status(code: StatusCode, message?: string): void {
    for (let i = 0; i < this.count; i++) this.active[i]?.status(code, message);
  }

  attribute(name: string, value: SpanValue): void {
    for (let i = 0; i < this.count; i++) this.active[i]?.attribute(name, value);
  }

  event(event: SpanEvent): void {
    for (let i = 0; i < this.count; i++) this.active[i]?.event(event);
  }

  link(link: SpanLink): void {
    for (let i = 0; i < this.count; i++) this.active[i]?.link(link);
  }

  dropped(counts: DroppedCounts): void {
    for (let i = 0; i < this.count; i++) this.active[i]?.dropped(counts);
  }

  end(): void {
    for (let i = 0; i < this.count; i++) this.active[i]?.end();
    this.count = 0;
  }

  discard(): void {
    for (let i = 0; i < this.count; i++) this.active[i]?.discard();
    this.count = 0;
  }
}
