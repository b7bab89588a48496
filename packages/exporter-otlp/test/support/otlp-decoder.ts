// SPDX-License-Identifier: Apache-2.0
/** An OTLP decoder that shares nothing with the exporter: protobufjs, with the messages described here after the public specification. */
import protobuf from 'protobufjs';

const field = (type: string, id: number) => ({ type, id });
const list = (type: string, id: number) => ({ rule: 'repeated', type, id });

const root = protobuf.Root.fromJSON({
  nested: {
    ExportTraceServiceRequest: { fields: { resourceSpans: list('ResourceSpans', 1) } },
    ResourceSpans: { fields: { resource: field('Resource', 1), scopeSpans: list('ScopeSpans', 2), schemaUrl: field('string', 3) } },
    Resource: { fields: { attributes: list('KeyValue', 1), droppedAttributesCount: field('uint32', 2) } },
    ScopeSpans: { fields: { scope: field('Scope', 1), spans: list('Span', 2), schemaUrl: field('string', 3) } },
    Scope: { fields: { name: field('string', 1), version: field('string', 2) } },
    Span: {
      fields: {
        traceId: field('bytes', 1),
        spanId: field('bytes', 2),
        traceState: field('string', 3),
        parentSpanId: field('bytes', 4),
        name: field('string', 5),
        kind: field('int32', 6),
        startTimeUnixNano: field('fixed64', 7),
        endTimeUnixNano: field('fixed64', 8),
        attributes: list('KeyValue', 9),
        droppedAttributesCount: field('uint32', 10),
        events: list('Event', 11),
        droppedEventsCount: field('uint32', 12),
        links: list('Link', 13),
        droppedLinksCount: field('uint32', 14),
        status: field('Status', 15),
        flags: field('fixed32', 16),
      },
    },
    Event: {
      fields: {
        timeUnixNano: field('fixed64', 1),
        name: field('string', 2),
        attributes: list('KeyValue', 3),
        droppedAttributesCount: field('uint32', 4),
      },
    },
    Link: {
      fields: {
        traceId: field('bytes', 1),
        spanId: field('bytes', 2),
        traceState: field('string', 3),
        attributes: list('KeyValue', 4),
        droppedAttributesCount: field('uint32', 5),
        flags: field('fixed32', 6),
      },
    },
    Status: { fields: { message: field('string', 2), code: field('int32', 3) } },
    KeyValue: { fields: { key: field('string', 1), value: field('AnyValue', 2) } },
    AnyValue: {
      oneofs: { value: { oneof: ['stringValue', 'boolValue', 'intValue', 'doubleValue', 'arrayValue'] } },
      fields: {
        stringValue: field('string', 1),
        boolValue: field('bool', 2),
        intValue: field('int64', 3),
        doubleValue: field('double', 4),
        arrayValue: field('ArrayValue', 5),
      },
    },
    ArrayValue: { fields: { values: list('AnyValue', 1) } },
    ExportTraceServiceResponse: { fields: { partialSuccess: field('PartialSuccess', 1) } },
    PartialSuccess: { fields: { rejectedSpans: field('int64', 1), errorMessage: field('string', 2) } },
    GoogleStatus: { fields: { code: field('int32', 1), message: field('string', 2) } },
  },
});

export type DecodedValue = string | bigint | number | boolean | undefined | DecodedValue[];

export interface DecodedSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  kind: number;
  start: bigint;
  end: bigint;
  /** In the order of the bytes; integers are bigint, doubles number. */
  attributes: [string, DecodedValue][];
  status: { code: number; message: string } | undefined;
  flags: number;
  /** What follows is absent where the span has none. */
  events?: { time: bigint; name: string; attributes: [string, DecodedValue][]; dropped: number }[];
  links?: { traceId: string; spanId: string; traceState: string; attributes: [string, DecodedValue][]; dropped: number; flags: number }[];
  /** Attributes, events, links. */
  dropped?: [number, number, number];
}

export interface DecodedResource {
  attributes: Record<string, DecodedValue>;
  scope: { name: string; version: string };
  spans: DecodedSpan[];
}

// biome-ignore lint/suspicious/noExplicitAny: shape given by the description above
type Message = any;

export function decodeRequest(body: Uint8Array): DecodedResource[] {
  const request: Message = root.lookupType('ExportTraceServiceRequest').decode(body);
  return request.resourceSpans.map((resourceSpans: Message) => {
    if (resourceSpans.scopeSpans.length !== 1) throw new Error(`${resourceSpans.scopeSpans.length} ScopeSpans where one was expected`);
    const [{ scope, spans }] = resourceSpans.scopeSpans;
    return {
      attributes: Object.fromEntries(resourceSpans.resource.attributes.map(decodeKeyValue)),
      scope: { name: scope.name, version: scope.version },
      spans: spans.map(decodeSpan),
    };
  });
}

function decodeSpan(span: Message): DecodedSpan {
  const dropped: [number, number, number] = [span.droppedAttributesCount, span.droppedEventsCount, span.droppedLinksCount];
  return {
    traceId: hex(span.traceId),
    spanId: hex(span.spanId),
    parentSpanId: hex(span.parentSpanId),
    name: span.name,
    kind: span.kind,
    start: BigInt(span.startTimeUnixNano.toString()),
    end: BigInt(span.endTimeUnixNano.toString()),
    attributes: span.attributes.map(decodeKeyValue),
    status: span.status == null ? undefined : { code: span.status.code, message: span.status.message },
    flags: span.flags,
    ...(span.events.length === 0 ? {} : { events: span.events.map(decodeEvent) }),
    ...(span.links.length === 0 ? {} : { links: span.links.map(decodeLink) }),
    ...(dropped.some((count) => count > 0) ? { dropped } : {}),
  };
}

const decodeEvent = (event: Message) => ({
  time: BigInt(event.timeUnixNano.toString()),
  name: event.name,
  attributes: event.attributes.map(decodeKeyValue),
  dropped: event.droppedAttributesCount,
});

const decodeLink = (link: Message) => ({
  traceId: hex(link.traceId),
  spanId: hex(link.spanId),
  traceState: link.traceState,
  attributes: link.attributes.map(decodeKeyValue),
  dropped: link.droppedAttributesCount,
  flags: link.flags,
});

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const decodeKeyValue = ({ key, value }: Message): [string, DecodedValue] => [key, decodeAnyValue(value)];

function decodeAnyValue(value: Message): DecodedValue {
  switch (value.value) {
    case 'stringValue':
      return value.stringValue;
    case 'boolValue':
      return value.boolValue;
    case 'intValue':
      return BigInt(value.intValue.toString());
    case 'doubleValue':
      return value.doubleValue;
    case 'arrayValue':
      return value.arrayValue.values.map(decodeAnyValue);
    default:
      return undefined;
  }
}

export function encodeTraceResponse(rejectedSpans: number, errorMessage: string): Buffer {
  const type = root.lookupType('ExportTraceServiceResponse');
  return Buffer.from(type.encode(type.create({ partialSuccess: { rejectedSpans, errorMessage } })).finish());
}

export function encodeGoogleStatus(code: number, message: string): Buffer {
  const type = root.lookupType('GoogleStatus');
  return Buffer.from(type.encode(type.create({ code, message })).finish());
}
