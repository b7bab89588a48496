// SPDX-License-Identifier: Apache-2.0
/** The span contract over OTLP's wire format: each setter appends its field to the bytes of the batch, and no span object exists. */
import type {
  AttributeKey,
  DroppedCounts,
  ProcessDirectory,
  ProcessResource,
  SpanEvent,
  SpanKind,
  SpanLink,
  SpanValue,
  SpanWriter,
  StatusCode,
  UnixClock,
} from '@obi/core/probe';
import { writeBoolAttribute, writeDoubleAttribute, writeIntAttribute, writeStringAttribute, writeTextAttribute } from './attribute-encoder.js';
import { type ByteBuffer, LONG_STRING, varintSize } from './byte-buffer.js';
import { encodeDropped, encodeEvent, encodeLink } from './encode-details.js';
import { attributeFields } from './encode-message.js';
import { keyPrefix } from './key-prefix.js';
import { ResourceBatch } from './resource-batch.js';
import type { SpanBatch } from './span-batch.js';
import { ScopeSpans, Span, Status } from './span-fields.js';

/** Tag and a length of two bytes, which spans of 128 to 16383 bytes need: nearly all. Others are moved at their end. */
const SPAN_HEAD = 3;
/** Room for all fields of fixed size: ids, times, kind, flags. */
const FIXED_FIELDS = 96;

const SEEN_IDS = 1;
const SEEN_TIMES = 2;

export class OtlpSpanWriter implements SpanWriter {
  /** Where fields go: the current process's batch, or, while no span is open, a place that nobody reads. */
  private current: ResourceBatch = new ResourceBatch();
  private open = false;
  private seen = 0;
  /** The last two `bytes` that were read from, and views on them: the drained batch, and perhaps a table of the decoder's own. */
  private recentBytes: Uint8Array = new Uint8Array(0);
  private recent = new DataView(this.recentBytes.buffer);
  private earlierBytes = this.recentBytes;
  private earlier = this.recent;

  constructor(
    private readonly directory: ProcessDirectory,
    private readonly batch: SpanBatch,
    private readonly clock: UnixClock,
  ) {}

  begin(pid: number): boolean {
    const resource: ProcessResource | undefined = this.directory.resource(pid);
    this.open = resource !== undefined;
    if (resource === undefined) return false;
    const current = this.batch.of(resource);
    this.current = current;
    this.seen = 0;
    const { out } = current;
    out.pos = current.committed; // an unfinished span ends here
    out.reserve(FIXED_FIELDS);
    out.pos += SPAN_HEAD;
    return true;
  }

  kind(kind: SpanKind): void {
    const { out } = this.current;
    out.reserve(2);
    out.byte(Span.KIND);
    out.byte(kind);
  }

  ids(bytes: Uint8Array, traceId: number, spanId: number, parentSpanId: number, flags: number): void {
    const source = this.viewOf(bytes);
    const { out } = this.current;
    out.reserve(FIXED_FIELDS);
    const { view } = out;
    let pos = out.pos;
    view.setUint16(pos, Span.TRACE_ID | (16 << 8), true);
    copy8(view, pos + 2, source, traceId);
    copy8(view, pos + 10, source, traceId + 8);
    view.setUint16(pos + 18, Span.SPAN_ID | (8 << 8), true);
    copy8(view, pos + 20, source, spanId);
    pos += 28;
    if ((source.getInt32(parentSpanId, true) | source.getInt32(parentSpanId + 4, true)) !== 0) {
      view.setUint16(pos, Span.PARENT_SPAN_ID | (8 << 8), true);
      copy8(view, pos + 2, source, parentSpanId);
      pos += 10;
    }
    view.setUint16(pos, Span.FLAGS_LE16, true);
    view.setInt32(pos + 2, flags, true);
    out.pos = pos + 6;
    this.seen |= SEEN_IDS;
  }

  times(view: DataView, start: number, end: number): void {
    const { out } = this.current;
    out.reserve(18);
    out.byte(Span.START);
    this.unixTime(out, view, start);
    out.byte(Span.END);
    this.unixTime(out, view, end);
    this.seen |= SEEN_TIMES;
  }

  unixTimes(start: bigint, end: bigint): void {
    const { out } = this.current;
    out.reserve(18);
    out.byte(Span.START);
    out.fixed64(start);
    out.byte(Span.END);
    out.fixed64(end);
    this.seen |= SEEN_TIMES;
  }

  name(value: string): void {
    const { out } = this.current;
    const start = out.pos;
    if (value.length <= LONG_STRING) {
      out.reserve(value.length + 6);
      out.byte(Span.NAME);
      out.varint(value.length);
      if (out.ascii(value)) return;
      out.pos = start;
    }
    const size = Buffer.byteLength(value, 'utf8');
    out.reserve(size + 6);
    out.byte(Span.NAME);
    out.varint(size);
    out.utf8(value, size);
  }

  string(key: AttributeKey, value: string): void {
    writeStringAttribute(this.current.out, keyPrefix(key), value);
  }

  text(key: AttributeKey, bytes: Uint8Array, start: number, end: number): void {
    writeTextAttribute(this.current.out, keyPrefix(key), bytes, this.viewOf(bytes), start, end);
  }

  int(key: AttributeKey, value: number): void {
    writeIntAttribute(this.current.out, keyPrefix(key), value);
  }

  bool(key: AttributeKey, value: boolean): void {
    writeBoolAttribute(this.current.out, keyPrefix(key), value);
  }

  double(key: AttributeKey, value: number): void {
    writeDoubleAttribute(this.current.out, keyPrefix(key), value);
  }

  status(code: StatusCode, message = ''): void {
    const { out } = this.current;
    const size = Buffer.byteLength(message, 'utf8');
    const messageField = size === 0 ? 0 : 1 + varintSize(size) + size;
    out.reserve(messageField + 10);
    out.byte(Span.STATUS);
    out.varint(messageField + 2);
    if (size > 0) {
      out.byte(Status.MESSAGE);
      out.varint(size);
      out.utf8(message, size);
    }
    out.byte(Status.CODE);
    out.byte(code);
  }

  attribute(name: string, value: SpanValue): void {
    for (const field of attributeFields(Span.ATTRIBUTES, [[name, value]])) this.append(field);
  }

  event(event: SpanEvent): void {
    this.append(encodeEvent(event));
  }

  link(link: SpanLink): void {
    this.append(encodeLink(link));
  }

  dropped(counts: DroppedCounts): void {
    this.append(encodeDropped(counts));
  }

  end(): void {
    if (!this.open) return;
    this.open = false;
    if (this.seen !== (SEEN_IDS | SEEN_TIMES)) {
      this.batch.refuse();
      return;
    }
    const { current } = this;
    const { out } = current;
    const start = current.committed;
    const size = out.pos - start - SPAN_HEAD;
    const sizeBytes = varintSize(size);
    if (sizeBytes !== SPAN_HEAD - 1) {
      out.reserve(4);
      out.bytes.copyWithin(start + 1 + sizeBytes, start + SPAN_HEAD, out.pos);
    }
    out.pos = start;
    out.byte(ScopeSpans.SPANS);
    out.varint(size);
    out.pos += size;
    this.batch.commit(current);
  }

  discard(): void {
    this.open = false;
    this.current.out.pos = this.current.committed;
  }

  private append(fields: Buffer): void {
    const { out } = this.current;
    out.reserve(fields.length);
    out.bytes.set(fields, out.pos);
    out.pos += fields.length;
  }

  /** Monotonic nanoseconds at `at`, as Unix nanoseconds: a 64-bit addition in two halves. */
  private unixTime(out: ByteBuffer, from: DataView, at: number): void {
    const low = from.getUint32(at, true) + this.clock.offsetLow;
    const carry = low > 0xffff_ffff ? 1 : 0;
    const { view, pos } = out;
    view.setUint32(pos, low, true);
    view.setUint32(pos + 4, from.getUint32(at + 4, true) + this.clock.offsetHigh + carry, true);
    out.pos = pos + 8;
  }

  private viewOf(bytes: Uint8Array): DataView {
    if (bytes === this.recentBytes) return this.recent;
    if (bytes === this.earlierBytes) return this.earlier;
    this.earlierBytes = this.recentBytes;
    this.earlier = this.recent;
    this.recentBytes = bytes;
    this.recent = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return this.recent;
  }
}

function copy8(to: DataView, at: number, from: DataView, start: number): void {
  to.setInt32(at, from.getInt32(start, true), true);
  to.setInt32(at + 4, from.getInt32(start + 4, true), true);
}
