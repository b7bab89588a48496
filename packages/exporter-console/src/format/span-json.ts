// SPDX-License-Identifier: Apache-2.0
/** A span as JSON, with the field names and the 64-bit times as strings that OTLP's own JSON has; attributes are a plain object. */
import { type AttributeValue, SpanKind, StatusCode } from '@obi/core';
import type { StoredSpan } from '../stored-span.js';

export interface SpanJson {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  /** e.g. `SERVER` */
  readonly kind: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly durationNano: string;
  readonly status: { readonly code: string; readonly message?: string };
  readonly attributes: Attributes;
  /** Absent where there are none, as what follows. */
  readonly events?: readonly {
    readonly timeUnixNano: string;
    readonly name: string;
    readonly attributes: Attributes;
    readonly droppedAttributesCount?: number;
  }[];
  readonly links?: readonly {
    readonly traceId: string;
    readonly spanId: string;
    readonly traceState?: string;
    readonly attributes: Attributes;
    readonly droppedAttributesCount?: number;
  }[];
  readonly droppedAttributesCount?: number;
  readonly droppedEventsCount?: number;
  readonly droppedLinksCount?: number;
  readonly resource: Attributes;
}

type Attributes = Readonly<Record<string, AttributeValue>>;

const KINDS = new Map<number, string>(Object.entries(SpanKind).map(([name, value]) => [value, name]));
const CODES = new Map<number, string>(Object.entries(StatusCode).map(([name, value]) => [value, name]));

export const kindName = (kind: SpanKind): string => KINDS.get(kind) ?? 'UNSPECIFIED';

export function spanToJson(span: StoredSpan): SpanJson {
  const { message } = span.status;
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentSpanId === undefined ? {} : { parentSpanId: span.parentSpanId }),
    name: span.name,
    kind: kindName(span.kind),
    startTimeUnixNano: String(span.startUnixNano),
    endTimeUnixNano: String(span.endUnixNano),
    durationNano: String(span.endUnixNano - span.startUnixNano),
    status: { code: CODES.get(span.status.code) ?? 'UNSET', ...(message === '' ? {} : { message }) },
    attributes: span.attributes,
    ...(span.events.length === 0 ? {} : { events: span.events.map(eventToJson) }),
    ...(span.links.length === 0 ? {} : { links: span.links.map(linkToJson) }),
    ...count('droppedAttributesCount', span.dropped.attributes),
    ...count('droppedEventsCount', span.dropped.events),
    ...count('droppedLinksCount', span.dropped.links),
    resource: span.resource.attributes,
  };
}

const count = <Name extends string>(name: Name, value: number): { readonly [K in Name]?: number } =>
  (value === 0 ? {} : { [name]: value }) as { readonly [K in Name]?: number };

const eventToJson = ({ timeUnixNano, name, attributes, droppedAttributes }: StoredSpan['events'][number]) => ({
  timeUnixNano: String(timeUnixNano),
  name,
  attributes,
  ...count('droppedAttributesCount', droppedAttributes),
});

const linkToJson = ({ traceId, spanId, traceState, attributes, droppedAttributes }: StoredSpan['links'][number]) => ({
  traceId,
  spanId,
  ...(traceState === '' ? {} : { traceState }),
  attributes,
  ...count('droppedAttributesCount', droppedAttributes),
});
