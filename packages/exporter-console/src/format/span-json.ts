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
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly resource: Readonly<Record<string, AttributeValue>>;
}

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
    resource: span.resource.attributes,
  };
}
