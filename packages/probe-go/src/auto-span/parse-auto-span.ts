// SPDX-License-Identifier: Apache-2.0
/** The Auto SDK's encoding of a finished span (go.opentelemetry.io/auto/sdk 1.1 to 1.2, OTLP as JSON with one span) → what it says. */
import { type DroppedCounts, type SpanAttributes, type SpanEvent, SpanKind, type SpanLink, type SpanValue } from '@obi/core/probe';
import { isRecord, type JsonObject, listOf, Malformed, objectOf, parseJson, textOf, uint32Of, unixNanoOf } from './json.js';

/** Its ids are not in it: the kernel side has them, also where the process does not. */
export interface AutoSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly startUnixNano: bigint;
  readonly endUnixNano: bigint;
  readonly attributes: SpanAttributes;
  readonly events: readonly SpanEvent[];
  /** Those that name a span. */
  readonly links: readonly SpanLink[];
  readonly dropped: DroppedCounts;
  readonly status: { readonly code: 0 | 1 | 2; readonly message: string };
  /** The tracer. */
  readonly scope: { readonly name: string; readonly version: string };
}

/** @returns the span, or what is wrong with the text */
export function parseAutoSpan(text: string): AutoSpan | string {
  try {
    return spanOf(parseJson(text));
  } catch (error) {
    if (error instanceof Malformed) return error.message;
    throw error;
  }
}

function spanOf(document: unknown): AutoSpan {
  const resource = onlyOf(objectOf(document, 'the text'), 'resourceSpans');
  const scoped = onlyOf(resource, 'scopeSpans');
  const span = onlyOf(scoped, 'spans');
  const scope = isRecord(scoped.scope) ? scoped.scope : {};
  const links = listOf(span, 'links').map(linkOf);
  const named = links.filter(({ traceId, spanId }) => traceId !== '' && spanId !== '');
  return {
    name: textOf(span, 'name'),
    kind: oneOf(span, 'kind', [0, 1, 2, 3, 4, 5]) || SpanKind.INTERNAL,
    startUnixNano: unixNanoOf(span, 'startTimeUnixNano'),
    endUnixNano: unixNanoOf(span, 'endTimeUnixNano'),
    attributes: attributesOf(span),
    events: listOf(span, 'events').map(eventOf),
    links: named,
    dropped: {
      attributes: uint32Of(span, 'droppedAttributesCount'),
      events: uint32Of(span, 'droppedEventsCount'),
      // A link to another span of this SDK whose ids the process does not know.
      links: uint32Of(span, 'droppedLinksCount') + links.length - named.length,
    },
    status: statusOf(span),
    scope: { name: textOf(scope, 'name'), version: textOf(scope, 'version') },
  };
}

function onlyOf(parent: JsonObject, key: string): JsonObject {
  const list = listOf(parent, key);
  if (list.length !== 1) throw new Malformed(`${key} has ${list.length} elements, not 1`);
  return objectOf(list[0], key);
}

function oneOf<T extends number>(parent: JsonObject, key: string, values: readonly T[]): T {
  const number = uint32Of(parent, key);
  const value = values.find((one) => one === number);
  if (value === undefined) throw new Malformed(`${key} ${number} is not known`);
  return value;
}

function statusOf(span: JsonObject): AutoSpan['status'] {
  if (span.status === undefined) return { code: 0, message: '' };
  const status = objectOf(span.status, 'status');
  return { code: oneOf(status, 'code', [0, 1, 2]), message: textOf(status, 'message') };
}

function eventOf(value: unknown): SpanEvent {
  const event = objectOf(value, 'an event');
  return {
    timeUnixNano: unixNanoOf(event, 'timeUnixNano'),
    name: textOf(event, 'name'),
    attributes: attributesOf(event),
    droppedAttributes: uint32Of(event, 'droppedAttributesCount'),
  };
}

function linkOf(value: unknown): SpanLink {
  const link = objectOf(value, 'a link');
  return {
    traceId: idOf(link, 'traceId', 32),
    spanId: idOf(link, 'spanId', 16),
    traceState: textOf(link, 'traceState'),
    flags: uint32Of(link, 'flags'),
    attributes: attributesOf(link),
    droppedAttributes: uint32Of(link, 'droppedAttributesCount'),
  };
}

/** Empty for an id of zeroes. */
function idOf(link: JsonObject, key: string, digits: number): string {
  const id = textOf(link, key);
  if (id !== '' && (id.length !== digits || /[^0-9a-f]/.test(id))) throw new Malformed(`${key} is no id`);
  return /^0*$/.test(id) ? '' : id;
}

function attributesOf(parent: JsonObject): SpanAttributes {
  return listOf(parent, 'attributes').map((item) => {
    const attribute = objectOf(item, 'an attribute');
    return [textOf(attribute, 'key'), anyValueOf(attribute.value)] as const;
  });
}

function anyValueOf(value: unknown): SpanValue {
  const any = objectOf(value, 'a value');
  if (any.arrayValue === undefined) return scalarOf(any);
  return listOf(objectOf(any.arrayValue, 'arrayValue'), 'values').map((item) => scalarOf(objectOf(item, 'an element')));
}

function scalarOf(any: JsonObject): string | boolean | number | bigint {
  const { stringValue, boolValue, intValue, doubleValue } = any;
  if (typeof stringValue === 'string') return stringValue;
  if (typeof boolValue === 'boolean') return boolValue;
  if (typeof doubleValue === 'number') return doubleValue;
  if (typeof intValue !== 'string' || !/^-?\d{1,19}$/.test(intValue)) throw new Malformed(`a value of ${Object.keys(any).join(', ') || 'no type'}`);
  const integer = BigInt(intValue);
  if (BigInt.asIntN(64, integer) !== integer) throw new Malformed('an integer of more than 64 bits');
  return integer;
}
