// SPDX-License-Identifier: Apache-2.0
import { attributeKey, SpanKind, StatusCode } from '@obi/core';
import { MemoryStore } from '../src/memory-store.js';
import { directory, id, TRACE, write } from './support/spans.js';

const OTHER = 'ab'.repeat(16);

describe('MemoryStore', () => {
  test('holds what a decoder wrote', () => {
    const store = new MemoryStore({ directory });
    const before = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
    write(
      store.writer,
      7,
      (w) => {
        w.string(attributeKey('s'), 'Größe');
        w.text(attributeKey('t'), Buffer.from('xcut\xffx', 'latin1'), 1, 5);
        w.int(attributeKey('i'), -3);
        w.bool(attributeKey('b'), true);
        w.double(attributeKey('d'), 0.5);
        w.status(StatusCode.ERROR, 'broken');
      },
      TRACE,
      5,
    );
    const [span] = store.trace(TRACE);
    expect(span).toMatchObject({
      traceId: TRACE,
      spanId: id(7),
      parentSpanId: id(5),
      name: 'span 7',
      kind: SpanKind.SERVER,
      attributes: { s: 'Größe', t: 'cut\ufffd', i: -3, b: true, d: 0.5 },
      status: { code: StatusCode.ERROR, message: 'broken' },
      resource: { attributes: { 'service.name': 's1' } },
    });
    expect((span?.endUnixNano ?? 0n) - (span?.startUnixNano ?? 0n)).toBe(500_000n);
    expect(Math.abs(Number((span?.startUnixNano ?? 0n) - (before + 7_000_000n)))).toBeLessThan(50_000_000);
    expect(store.stats()).toEqual({ spans: 1, exported: 1, dropped: {}, failedRequests: 0, heldSpans: 0, heldBytes: 0 });
  });

  test('a root has no parent; unknown processes, discarded and incomplete spans are not stored', () => {
    const store = new MemoryStore({ directory });
    write(store.writer, 1);
    write(store.writer, 2, (w) => w.discard());
    expect(store.writer.begin(77)).toBe(false);
    store.writer.end();
    store.writer.begin(1);
    store.writer.end();
    expect(store.spans().map((span) => [span.spanId, span.parentSpanId])).toEqual([[id(1), undefined]]);
    expect(store.stats()).toMatchObject({ spans: 2, exported: 1, dropped: { incomplete: 1 } });
  });

  test('is asked by trace', () => {
    const store = new MemoryStore({ directory });
    for (let i = 1; i <= 6; i++) write(store.writer, i, undefined, i % 2 === 0 ? OTHER : TRACE);
    expect(store.traceIds()).toEqual([TRACE, OTHER]);
    expect(store.trace(OTHER).map((span) => span.spanId)).toEqual([id(2), id(4), id(6)]);
    expect(store.trace('nosuch')).toEqual([]);
    store.clear();
    expect(store.spans()).toEqual([]);
    expect(store.stats()).toMatchObject({ spans: 6, dropped: {} });
  });

  test('is bounded: the oldest traces go, whole and counted', () => {
    const store = new MemoryStore({ directory, maxSpans: 5 });
    for (let i = 1; i <= 8; i++) write(store.writer, i, undefined, String(Math.ceil(i / 2)).repeat(32));
    expect(store.traceIds()).toEqual(['3'.repeat(32), '4'.repeat(32)]);
    expect(store.stats()).toMatchObject({ spans: 8, exported: 4, dropped: { evicted: 4 } });
  });

  test('one trace that fills the store keeps what it has', () => {
    const store = new MemoryStore({ directory, maxSpans: 3 });
    for (let i = 1; i <= 5; i++) write(store.writer, i);
    expect(store.spans().map((span) => span.spanId)).toEqual([1, 2, 3].map(id));
    expect(store.stats()).toMatchObject({ spans: 5, exported: 3, dropped: { trace_too_large: 2 } });
  });
});
