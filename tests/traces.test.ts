// SPDX-License-Identifier: Apache-2.0
// The judge of the demo and of the live tests must itself notice every kind of broken trace.
import { verifyTree } from './harness/load.mjs';
import { crossedTraces, spansOf, verifyAll, verifySpans } from './harness/traces.mjs';

const TRACE = 'a'.repeat(32);
const id = (letter: string) => letter.repeat(16);
const header = (span: string, trace = TRACE) => `00-${trace}-${span}-01`;
const span = (service: string, kind: number, spanId: string, parentSpanId?: string) => ({
  traceId: TRACE,
  spanId,
  parentSpanId,
  kind,
  resource: { 'service.name': service },
});

const tree = {
  service: 'gateway',
  traceparent: null,
  traceparents: 0,
  request: 'r',
  downstream: [
    {
      service: 'orders',
      traceparent: header(id('2')),
      traceparents: 1,
      request: 'r',
      downstream: [{ service: 'stock', traceparent: header(id('4')), traceparents: 1, request: 'r', downstream: [] }],
    },
    { service: 'prices', traceparent: header(id('6')), traceparents: 1, request: 'r', downstream: [] },
  ],
};
const spans = [
  span('gateway', 2, id('1')),
  span('gateway', 3, id('2'), id('1')),
  span('orders', 2, id('3'), id('2')),
  span('orders', 3, id('4'), id('3')),
  span('stock', 2, id('5'), id('4')),
  span('gateway', 3, id('6'), id('1')),
  span('prices', 2, id('7'), id('6')),
];
const without = (index: number) => spans.filter((_, other) => other !== index);
const changed = (index: number, change: object) => spans.map((one, other) => (other === index ? { ...one, ...change } : one));

test('a whole trace is whole', () => {
  expect(spansOf(tree)).toBe(spans.length);
  expect(verifySpans(tree, spans)).toEqual([]);
  expect(verifyAll([tree], [...spans, { ...span('gateway', 2, id('8')), traceId: 'f'.repeat(32) }], verifyTree)).toEqual([
    { tree, traceId: TRACE, spans, wrong: [] },
  ]);
});

test.each(spans.map((_, index) => index))('span %i missing is noticed', (index) => {
  expect(verifySpans(tree, without(index))).not.toEqual([]);
});

test('a call under the wrong request, a foreign service, a second root and a stray span are noticed', () => {
  expect(verifySpans(tree, changed(5, { parentSpanId: id('3') }))).toContain(
    'the call gateway → prices hangs under another span than the request that caused it',
  );
  expect(verifySpans(tree, changed(6, { resource: { 'service.name': 'other' } }))).toEqual(['server span of prices is of service other']);
  expect(verifySpans(tree, changed(2, { parentSpanId: undefined }))).not.toEqual([]);
  expect(verifySpans(tree, [...spans, span('stock', 3, id('8'), id('5'))])).toEqual(['1 further spans in the trace, of stock']);
});

test('a request none of whose services received a traceparent is broken', () => {
  const [checked] = verifyAll([{ ...tree, downstream: [] }], spans, verifyTree);
  expect(checked?.wrong).toEqual(['no service received a traceparent']);
});

test('a root that was sent a traceparent hangs under it', () => {
  const sent = { ...tree, traceparent: header(id('9')), traceparents: 1 };
  expect(verifySpans(sent, changed(0, { parentSpanId: id('9') }))).toEqual([]);
  expect(verifySpans(sent, spans)).not.toEqual([]);
});

test('a trace id that two requests share is crossed', () => {
  const other = (request: string, traceId: string) => ({
    ...tree,
    request,
    downstream: [{ service: 'orders', traceparent: header(id('2'), traceId), traceparents: 1, request, downstream: [] }],
  });
  expect(crossedTraces([tree, other('s', 'b'.repeat(32))])).toEqual([]);
  expect(crossedTraces([tree, other('s', TRACE)])).toEqual([TRACE]);
});
