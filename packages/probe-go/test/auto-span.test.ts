// SPDX-License-Identifier: Apache-2.0
// Records of spans that a program made by the Auto SDK → spans. What the SDK itself writes is in tests/live/go-auto-sdk.live.test.ts.
import { attributeKey, type Logger, type RecordView, SpanKind, StatusCode, silentLogger } from '@obi/core';
import { RecordingSpanWriter } from '@obi/probe-kit';
import { AutoSpanDecoder } from '../src/auto-span/auto-span-decoder.js';
import { autoSpanEvent as event } from '../src/generated/go.events.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const LINKED = { traceId: 'c0ffee00000000000000000000000001', spanId: 'beef000000000002' };

function record(text: string, textLength = Buffer.byteLength(text)): RecordView {
  const { offset } = event;
  // As the kernel side sends it: of one of three sizes, behind the text whatever was there.
  const bytes = Buffer.alloc(offset.text + Math.max(1024, Buffer.byteLength(text)), '}');
  bytes.write(TRACE, offset.traceTraceId, 'hex');
  bytes.write('b7ad6b7169203331', offset.traceSpanId, 'hex');
  bytes.write('00f067aa0ba902b7', offset.traceParentId, 'hex');
  bytes.writeUInt8(1, offset.traceFlags);
  bytes.writeUInt32LE(4711, offset.tgid);
  bytes.writeUInt32LE(textLength, offset.textLen);
  bytes.write(text, offset.text);
  return { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), bytes, base: 0, length: bytes.length };
}

interface Said {
  readonly message: string;
  readonly fields: unknown;
}

function decode(text: string, textLength?: number) {
  const said: Said[] = [];
  const log: Logger = { ...silentLogger, warn: (message: string, fields?: unknown) => void said.push({ message, fields }) };
  const decoder = new AutoSpanDecoder(log);
  const writer = new RecordingSpanWriter();
  for (let i = 0; i < 2; i++) decoder.decode(record(text, textLength), writer);
  expect(writer.isOpen).toBe(false);
  return { span: writer.spans[0], said, counters: decoder.counters };
}

/** As the SDK writes it: one span in one scope of one resource. `members` replace what is there. */
const textOf = (members: string, scope = '{"name":"shop","version":"1.2.3"}') =>
  `{"resourceSpans":[{"resource":{},"scopeSpans":[{"scope":${scope},"spans":[{"traceId":"","spanId":"","name":"a","startTimeUnixNano":1700000000123456789,"endTimeUnixNano":1700000001987654321${members}}]}]}]}`;

test('a span with all that it can say', () => {
  const { span, counters } = decode(
    textOf(
      ',"kind":5,"attributes":[{"key":"text","value":{"stringValue":"Größe \\"startTimeUnixNano\\":1"}},{"key":"flag","value":{"boolValue":false}},{"key":"integer","value":{"intValue":"-9223372036854775808"}},{"key":"double","value":{"doubleValue":2}},{"key":"list","value":{"arrayValue":{"values":[{"intValue":"1"},{"intValue":"2"}]}}},{"key":"none","value":{"arrayValue":{"values":null}}}],"droppedAttributesCount":1' +
        ',"events":[{"name":"exception","attributes":[{"key":"n","value":{"intValue":"7"}}],"timeUnixNano":1700000000999999999}],"droppedEventsCount":2' +
        `,"links":[{"traceId":"${LINKED.traceId}","spanId":"${LINKED.spanId}","traceState":"a=1","flags":1,"droppedAttributesCount":4},{"traceId":"","spanId":""}],"droppedLinksCount":3` +
        ',"status":{"message":"failed","code":2}',
    ),
  );
  expect(counters).toEqual({ auto_span_malformed: 0 });
  expect(span).toEqual({
    pid: 4711,
    name: 'a',
    kind: SpanKind.CONSUMER,
    traceId: TRACE,
    spanId: 'b7ad6b7169203331',
    parentSpanId: '00f067aa0ba902b7',
    flags: 1,
    startUnixNano: 1_700_000_000_123_456_789n,
    endUnixNano: 1_700_000_001_987_654_321n,
    attributes: {
      'otel.scope.name': 'shop',
      'otel.scope.version': '1.2.3',
      text: 'Größe "startTimeUnixNano":1',
      flag: false,
      integer: -(2n ** 63n),
      double: 2,
      list: [1n, 2n],
      none: [],
    },
    events: [{ timeUnixNano: 1_700_000_000_999_999_999n, name: 'exception', attributes: [['n', 7n]], droppedAttributes: 0 }],
    links: [{ ...LINKED, traceState: 'a=1', flags: 1, attributes: [], droppedAttributes: 4 }],
    // The link that names nothing counts.
    dropped: { attributes: 1, events: 2, links: 4 },
    status: { code: StatusCode.ERROR, message: 'failed' },
  });
});

test('a span that says nothing more', () => {
  const { span } = decode(textOf('', 'null'));
  expect(span).toMatchObject({ name: 'a', kind: SpanKind.INTERNAL, attributes: {}, dropped: { attributes: 0, events: 0, links: 0 } });
  expect([span?.events, span?.links, span?.status]).toEqual([undefined, undefined, undefined]);
  expect(span?.attributes).not.toHaveProperty([attributeKey('otel.scope.name').name]);
});

const attribute = (value: string) => `,"attributes":[{"key":"k","value":${value}}]`;
test.each([
  ['no JSON', '{"resourceSpans":[', 'no JSON'],
  ['nothing', '', 'no JSON'],
  ['no object', '[1]', 'the text is no object'],
  ['no resource', '{}', 'resourceSpans has 0 elements, not 1'],
  ['two spans', textOf('},{"name":"b"'), 'spans has 2 elements, not 1'],
  ['a list that is none', textOf(',"events":{}'), 'events is no list'],
  ['an event that is none', textOf(',"events":[7]'), 'an event is no object'],
  ['a name that is none', textOf(',"name":7'), 'name is no text'],
  ['a kind that does not exist', textOf(',"kind":6'), 'kind 6 is not known'],
  ['a status that does not exist', textOf(',"status":{"code":3}'), 'code 3 is not known'],
  ['a time that is none', textOf(',"endTimeUnixNano":-1'), 'endTimeUnixNano is no time'],
  ['a time of more than 64 bits', textOf(',"endTimeUnixNano":18446744073709551616'), 'endTimeUnixNano is no time'],
  ['a count that is none', textOf(',"droppedLinksCount":-1'), 'droppedLinksCount is no count'],
  ['an id that is none', textOf(',"links":[{"traceId":"xyz"}]'), 'traceId is no id'],
  ['a value of an unknown type', textOf(attribute('{"bytesValue":"AA=="}')), 'a value of bytesValue'],
  ['a value of no type', textOf(attribute('{}')), 'a value of no type'],
  ['an integer of more than 64 bits', textOf(attribute('{"intValue":"9223372036854775808"}')), 'an integer of more than 64 bits'],
  ['an integer that is none', textOf(attribute('{"intValue":"1.5"}')), 'a value of intValue'],
  ['a list in a list', textOf(attribute('{"arrayValue":{"values":[{"arrayValue":{}}]}}')), 'a value of arrayValue'],
])('%s: counted, and named once', (_, text, reason) => {
  const { span, said, counters } = decode(text);
  expect([span, counters]).toEqual([undefined, { auto_span_malformed: 2 }]);
  expect(said).toEqual([{ message: expect.stringContaining('could not be read'), fields: { reason } }]);
});

test('a length beyond the record reads what is there', () => {
  expect(decode(textOf(''), 0xffff_ffff).counters).toEqual({ auto_span_malformed: 2 });
});

test('every cut of a text is malformed, and nothing is thrown', () => {
  const text = textOf(attribute('{"stringValue":"Größe"}'));
  for (let length = 0; length < Buffer.byteLength(text); length++) expect(decode(text, length).counters).toEqual({ auto_span_malformed: 2 });
});
