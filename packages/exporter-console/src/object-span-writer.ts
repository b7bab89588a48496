// SPDX-License-Identifier: Apache-2.0
/** The span contract with an object per span: for sinks that look at spans rather than pass them on. */
import {
  type AttributeKey,
  type AttributeValue,
  type DroppedCounts,
  type ProcessDirectory,
  type ProcessResource,
  plainValue,
  type SpanAttributes,
  type SpanEvent,
  SpanKind,
  type SpanLink,
  type SpanValue,
  type SpanWriter,
  StatusCode,
  UnixClock,
} from '@obi/core/probe';
import type { StoredSpan } from './stored-span.js';

type Draft = { -readonly [K in keyof StoredSpan]: StoredSpan[K] } & {
  attributes: Record<string, AttributeValue>;
  events: StoredSpan['events'][number][];
  links: StoredSpan['links'][number][];
};

/** Makes a {@link StoredSpan} of each finished span and hands it to `onSpan`. A span without ids or times goes to `onIncomplete`. */
export class ObjectSpanWriter implements SpanWriter {
  private draft: Draft | undefined;
  private readonly clock = new UnixClock();

  constructor(
    private readonly directory: ProcessDirectory,
    private readonly onSpan: (span: StoredSpan) => void,
    private readonly onIncomplete: () => void,
  ) {}

  begin(pid: number): boolean {
    const resource = this.directory.resource(pid);
    this.draft = resource === undefined ? undefined : emptySpan(resource);
    return resource !== undefined;
  }

  kind(kind: SpanKind): void {
    if (this.draft) this.draft.kind = kind;
  }

  ids(bytes: Uint8Array, traceId: number, spanId: number, parentSpanId: number): void {
    if (!this.draft) return;
    this.draft.traceId = hex(bytes, traceId, 16);
    this.draft.spanId = hex(bytes, spanId, 8);
    const parent = hex(bytes, parentSpanId, 8);
    this.draft.parentSpanId = /^0+$/.test(parent) ? undefined : parent;
  }

  times(view: DataView, start: number, end: number): void {
    if (!this.draft) return;
    this.clock.refresh();
    this.draft.startUnixNano = this.clock.of(view.getBigUint64(start, true));
    this.draft.endUnixNano = this.clock.of(view.getBigUint64(end, true));
  }

  unixTimes(start: bigint, end: bigint): void {
    if (!this.draft) return;
    this.draft.startUnixNano = start;
    this.draft.endUnixNano = end;
  }

  name(value: string): void {
    if (this.draft) this.draft.name = value;
  }

  string(key: AttributeKey, value: string): void {
    this.set(key, value);
  }

  text(key: AttributeKey, bytes: Uint8Array, start: number, end: number): void {
    this.set(key, Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8'));
  }

  int(key: AttributeKey, value: number): void {
    this.set(key, value);
  }

  bool(key: AttributeKey, value: boolean): void {
    this.set(key, value);
  }

  double(key: AttributeKey, value: number): void {
    this.set(key, value);
  }

  status(code: StatusCode, message = ''): void {
    if (this.draft) this.draft.status = { code, message };
  }

  attribute(name: string, value: SpanValue): void {
    if (this.draft) this.draft.attributes[name] = plainValue(value);
  }

  event(event: SpanEvent): void {
    this.draft?.events.push({ ...event, attributes: plain(event.attributes) });
  }

  link(link: SpanLink): void {
    this.draft?.links.push({ ...link, attributes: plain(link.attributes) });
  }

  dropped(counts: DroppedCounts): void {
    if (this.draft) this.draft.dropped = counts;
  }

  end(): void {
    const { draft } = this;
    this.draft = undefined;
    if (!draft) return;
    if (draft.traceId === '' || draft.endUnixNano === 0n) this.onIncomplete();
    else this.onSpan(draft);
  }

  discard(): void {
    this.draft = undefined;
  }

  private set(key: AttributeKey, value: AttributeValue): void {
    if (this.draft) this.draft.attributes[key.name] = value;
  }
}

const NOTHING_DROPPED: DroppedCounts = { attributes: 0, events: 0, links: 0 };

function emptySpan(resource: ProcessResource): Draft {
  return {
    traceId: '',
    spanId: '',
    parentSpanId: undefined,
    name: '',
    kind: SpanKind.INTERNAL,
    startUnixNano: 0n,
    endUnixNano: 0n,
    attributes: {},
    events: [],
    links: [],
    dropped: NOTHING_DROPPED,
    status: { code: StatusCode.UNSET, message: '' },
    resource,
  };
}

const plain = (attributes: SpanAttributes): Record<string, AttributeValue> => Object.fromEntries(attributes.map(([name, value]) => [name, plainValue(value)]));

const hex = (bytes: Uint8Array, start: number, size: number): string => Buffer.from(bytes.buffer, bytes.byteOffset + start, size).toString('hex');
