// SPDX-License-Identifier: Apache-2.0
import { attributeKey, type ProcessResource, SpanKind, type SpanWriter, StatusCode } from '@obi/core';
import { encodeScope } from '../src/encode/encode-resource.js';
import { OtlpSpanWriter } from '../src/encode/otlp-span-writer.js';
import { SpanBatch } from '../src/encode/span-batch.js';
import { clockAt, directoryOf, hexId, record, resource, writeSpan } from './support/fixtures.js';
import { type DecodedResource, decodeRequest } from './support/otlp-decoder.js';

const OFFSET = 1_795_000_000_123_456_789n;
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const PARENT = '00f067aa0ba902b7';

const shop = resource(0, { 'service.name': 'shop', 'process.pid': 42 });
const stock = resource(7, { 'service.name': 'stock' });

function setUp(resources: Record<number, ProcessResource> = { 42: shop, 43: stock }) {
  const batch = new SpanBatch({ maxSpans: 1e9, maxBytes: 1e9, scope: encodeScope('obi', '1.2.3'), onFull: () => undefined });
  const writer = new OtlpSpanWriter(directoryOf(resources), batch, clockAt(OFFSET));
  return { batch, writer, decode: (): DecodedResource[] => decodeRequest(batch.take()?.body ?? new Uint8Array()) };
}

function one(fill: (writer: SpanWriter) => void) {
  const { writer, decode } = setUp();
  writeSpan(writer, 42, { trace: TRACE, span: SPAN }, fill);
  const span = decode()[0]?.spans[0];
  if (span === undefined) throw new Error('no span was decoded');
  return span;
}

const attribute = (fill: (writer: SpanWriter) => void) => one(fill).attributes[0]?.[1];

describe('OtlpSpanWriter', () => {
  const key = attributeKey('key');

  test('writes every field where the specification wants it', () => {
    const { writer, decode } = setUp();
    const { bytes, view } = record({ trace: TRACE, span: SPAN, parent: PARENT, start: 1_000n, end: 2_000_000_000_000n });
    expect(writer.begin(42)).toBe(true);
    writer.kind(SpanKind.SERVER);
    writer.name('GET /Größe/{id} 🛒');
    writer.times(view, 32, 40);
    writer.ids(bytes, 0, 16, 24, 1);
    writer.string(attributeKey('http.request.method'), 'GET');
    writer.int(attributeKey('http.response.status_code'), 503);
    writer.bool(attributeKey('flag'), true);
    writer.double(attributeKey('ratio'), 0.25);
    writer.status(StatusCode.ERROR, 'überlastet');
    writer.end();
    expect(decode()).toEqual([
      {
        attributes: { 'service.name': 'shop', 'process.pid': 42n },
        scope: { name: 'obi', version: '1.2.3' },
        spans: [
          {
            traceId: TRACE,
            spanId: SPAN,
            parentSpanId: PARENT,
            name: 'GET /Größe/{id} 🛒',
            kind: 2,
            start: OFFSET + 1_000n,
            end: OFFSET + 2_000_000_000_000n,
            attributes: [
              ['http.request.method', 'GET'],
              ['http.response.status_code', 503n],
              ['flag', true],
              ['ratio', 0.25],
            ],
            status: { code: 2, message: 'überlastet' },
            flags: 1,
          },
        ],
      },
    ]);
  });

  test('times that the program took itself are not changed', () => {
    const { writer, decode } = setUp();
    const { bytes } = record({ trace: TRACE, span: SPAN });
    writer.begin(42);
    writer.ids(bytes, 0, 16, 24, 1);
    writer.unixTimes(1_700_000_000_123_456_789n, 0xffff_ffff_ffff_ffffn);
    writer.end();
    expect(decode()[0]?.spans).toMatchObject([{ start: 1_700_000_000_123_456_789n, end: 0xffff_ffff_ffff_ffffn }]);
  });

  test.each([
    'Größe 🛒',
    '',
    'x'.repeat(20_000),
    true,
    false,
    0n,
    -1n,
    2n ** 63n - 1n,
    -(2n ** 63n),
    0,
    2,
    -0.5,
    Number.MAX_VALUE,
    [],
    ['a', ''],
    [true, false],
    [1n, -(2n ** 63n)],
    [1, 0.5],
  ])('an attribute of any type: %p', (value) => {
    expect(one((w) => w.attribute('größe', value)).attributes).toEqual([['größe', value]]);
  });

  test('events, links, and counts of what is missing', () => {
    const span = one((w) => {
      w.event({ timeUnixNano: 1_700_000_000_123_456_789n, name: 'exception', attributes: [['exception.type', 'Größe']], droppedAttributes: 0 });
      w.link({ traceId: TRACE, spanId: SPAN, traceState: 'a=1,b=2', flags: 0x301, attributes: [['n', 7n]], droppedAttributes: 3 });
      w.name('between');
      w.event({ timeUnixNano: 2n, name: '', attributes: [], droppedAttributes: 300 });
      w.link({ traceId: TRACE, spanId: PARENT, traceState: '', flags: 0, attributes: [], droppedAttributes: 0 });
      w.dropped({ attributes: 1, events: 0, links: 70_000 });
    });
    expect(span).toMatchObject({
      name: 'between',
      events: [
        { time: 1_700_000_000_123_456_789n, name: 'exception', attributes: [['exception.type', 'Größe']], dropped: 0 },
        { time: 2n, name: '', attributes: [], dropped: 300 },
      ],
      links: [
        { traceId: TRACE, spanId: SPAN, traceState: 'a=1,b=2', attributes: [['n', 7n]], dropped: 3, flags: 0x301 },
        { traceId: TRACE, spanId: PARENT, traceState: '', attributes: [], dropped: 0, flags: 0 },
      ],
      dropped: [1, 0, 70_000],
    });
  });

  test('a root span has no parent field at all, and an unset status none either', () => {
    const span = one(() => undefined);
    expect(span.parentSpanId).toBe('');
    expect(span.status).toBeUndefined();
  });

  test.each([0n, 0xffff_ffffn, 0x1_0000_0000n, 0x7fff_ffff_ffffn, 123_456_789_012_345_678n])('adds the clock offset to %p in 64 bits', (monotonic) => {
    const { writer, decode } = setUp();
    writeSpan(writer, 42, { trace: TRACE, span: SPAN, start: monotonic, end: monotonic + 1n });
    const span = decode()[0]?.spans[0];
    expect(span?.start).toBe(monotonic + OFFSET);
    expect(span?.end).toBe(monotonic + 1n + OFFSET);
  });

  test.each([
    0,
    1,
    127,
    128,
    300,
    65_536,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 35 + 5,
    2 ** 53 - 1,
    -1,
    -128,
    -(2 ** 31),
    -(2 ** 32),
    -(2 ** 32) - 1,
    -(2 ** 53) + 1,
  ])('int %p', (value) => {
    expect(attribute((w) => w.int(key, value))).toBe(BigInt(value));
  });

  test.each([1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60])('int %p is no integer of the contract: sent as a double, not cut', (value) => {
    expect(attribute((w) => w.int(key, value))).toBe(value);
  });

  test.each([0, -0.5, Number.MAX_VALUE, Number.NEGATIVE_INFINITY])('double %p', (value) => {
    expect(attribute((w) => w.double(key, value))).toBe(value);
  });

  test.each([
    '',
    'a',
    'plain ascii',
    'x'.repeat(96),
    'x'.repeat(97),
    'x'.repeat(200),
    'naïve',
    '日本語',
    '🛒'.repeat(60),
    'tail é',
    '\0\x7f',
    'z'.repeat(20_000),
  ])('string of %#', (value) => {
    expect(attribute((w) => w.string(key, value))).toBe(value);
    expect(attribute((w) => w.text(key, Buffer.from(`..${value}.`), 2, 2 + Buffer.byteLength(value)))).toBe(value);
  });

  test('a lone surrogate becomes the replacement character', () => {
    expect(attribute((w) => w.string(key, 'a\ud800b'))).toBe('a\ufffdb');
  });

  test('invalid UTF-8 is replaced, wherever in the words it stands', () => {
    for (const at of [0, 1, 2, 3, 4, 5, 6]) {
      const bytes = Buffer.from('abcdefg');
      bytes[at] = 0xff;
      const expected = `${'abcdefg'.slice(0, at)}\ufffd${'abcdefg'.slice(at + 1)}`;
      expect(attribute((w) => w.text(key, bytes, 0, 7))).toBe(expected);
    }
    const cut = Buffer.from('caffè').subarray(0, 5); // ends inside a character, as captured text does
    expect(attribute((w) => w.text(key, cut, 0, 5))).toBe('caff\ufffd');
  });

  test('long keys, and keys that are frozen', () => {
    const long = attributeKey(`k.${'ü'.repeat(150)}`);
    const frozen = Object.freeze(attributeKey('frozen.key'));
    const span = one((w) => {
      for (let i = 0; i < 2; i++) {
        w.int(long, i);
        w.string(frozen, String(i));
      }
    });
    expect(span.attributes).toEqual([
      [long.name, 0n],
      ['frozen.key', '0'],
      [long.name, 1n],
      ['frozen.key', '1'],
    ]);
  });

  test('text is read from the right bytes when the records come from several batches', () => {
    const first = new Uint8Array(Buffer.from('first')).subarray(1);
    const second = Buffer.from('second');
    const span = one((w) => {
      w.text(key, first, 0, 4);
      w.text(key, second, 0, 6);
      w.text(key, first, 0, 2);
    });
    expect(span.attributes.map(([, value]) => value)).toEqual(['irst', 'second', 'ir']);
  });

  test('spans of all lengths of length: below 128, above 16383, above 2 MiB', () => {
    const { writer, decode } = setUp();
    const sizes = [0, 50, 51, 52, 53, 54, 55, 60, 16_200, 16_250, 16_280, 16_290, 16_300, 16_400, 70_000, 2_200_000];
    for (const size of sizes) writeSpan(writer, 42, { trace: TRACE, span: SPAN }, (w) => w.name('n'.repeat(size)));
    expect(decode()[0]?.spans.map((span) => span.name.length)).toEqual(sizes);
  });

  test('spans of several processes land under their own resource', () => {
    const { writer, batch, decode } = setUp();
    for (let i = 0; i < 10; i++) writeSpan(writer, 42 + (i % 2), { trace: TRACE, span: hexId(i + 1, 8) });
    expect(batch.spans).toBe(10);
    const resources = decode();
    expect(resources.map((r) => r.attributes['service.name'])).toEqual(['shop', 'stock']);
    expect(resources.map((r) => r.spans.map((s) => Number.parseInt(s.spanId, 16)))).toEqual([
      [1, 3, 5, 7, 9],
      [2, 4, 6, 8, 10],
    ]);
  });

  test('a process whose resource changes gets the new one, and the old one for spans before', () => {
    const resources: Record<number, ProcessResource> = { 42: shop };
    const { writer, decode } = setUp(resources);
    writeSpan(writer, 42, { trace: TRACE, span: hexId(1, 8) });
    resources[42] = resource(0, { 'service.name': 'renamed' });
    writeSpan(writer, 42, { trace: TRACE, span: hexId(2, 8) });
    expect(decode().map((r) => [r.attributes['service.name'], r.spans.length])).toEqual([
      ['shop', 1],
      ['renamed', 1],
    ]);
  });

  test('resource attributes of every type', () => {
    const attributes = { s: 'Größe', b: false, i: -7, big: 2 ** 40, d: 1.5, list: ['a', ''], numbers: [1, 2.5], empty: '' };
    const { writer, decode } = setUp({ 1: resource(3, attributes) });
    writeSpan(writer, 1, { trace: TRACE, span: SPAN });
    expect(decode()[0]?.attributes).toEqual({ ...attributes, i: -7n, big: 2n ** 40n, numbers: [1n, 2.5] });
  });

  test('begin of an unknown process writes nothing, also when the decoder goes on', () => {
    const { writer, batch, decode } = setUp();
    writeSpan(writer, 42, { trace: TRACE, span: hexId(1, 8) });
    expect(writer.begin(99)).toBe(false);
    writer.name('ignored');
    writer.end();
    writeSpan(writer, 42, { trace: TRACE, span: hexId(2, 8) });
    expect(batch.total).toBe(2);
    expect(decode()[0]?.spans.map((s) => s.name)).toEqual(['', '']);
  });

  test('a discarded span, and one that a throwing decoder left open, leave no byte behind', () => {
    const { writer, decode } = setUp();
    const { bytes } = record({ trace: TRACE, span: SPAN });
    writer.begin(42);
    writer.ids(bytes, 0, 16, 24, 1);
    writer.discard();
    writer.end(); // after discard: nothing
    writer.begin(42);
    writer.name('left open');
    writeSpan(writer, 43, { trace: TRACE, span: hexId(1, 8) });
    writeSpan(writer, 42, { trace: TRACE, span: hexId(2, 8) });
    const resources = decode();
    expect(resources.flatMap((r) => r.spans.map((s) => [s.spanId, s.name]))).toEqual([
      [hexId(2, 8), ''],
      [hexId(1, 8), ''],
    ]);
  });

  test('a span without ids or times is refused and counted', () => {
    const { writer, batch } = setUp();
    writer.begin(42);
    writer.name('no ids');
    writer.end();
    expect(batch.incomplete).toBe(1);
    expect(batch.take()).toBeUndefined();
  });

  test('buffers that are used again carry nothing over', () => {
    const { writer, decode } = setUp();
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 300 - round * 50; i++) writeSpan(writer, 42 + (i % 2), { trace: TRACE, span: hexId(i + 1, 8) }, (w) => w.name(`round ${round}`));
      const names = decode().flatMap((r) => r.spans.map((s) => s.name));
      expect(names).toHaveLength(300 - round * 50);
      expect(new Set(names)).toEqual(new Set([`round ${round}`]));
    }
  });

  test('ten thousand spans in one request', () => {
    const { writer, decode } = setUp();
    for (let i = 1; i <= 10_000; i++) writeSpan(writer, 42, { trace: TRACE, span: hexId(i, 8), start: BigInt(i) }, (w) => w.int(key, i));
    const spans = decode()[0]?.spans ?? [];
    expect(spans).toHaveLength(10_000);
    expect(spans.every((s, i) => s.spanId === hexId(i + 1, 8) && s.attributes[0]?.[1] === BigInt(i + 1) && s.start === OFFSET + BigInt(i + 1))).toBe(true);
  });
});
