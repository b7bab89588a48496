// SPDX-License-Identifier: Apache-2.0
import { Explainer, type ExplainerSources } from '../../src/explain/explainer.js';
import { RecordStore } from '../../src/explain/record-store.js';
import type { TracedProcess } from '../../src/process/index.js';
import { EVENT, type Exchange, id, KIND, record, SLOT, TRACE } from './records.js';

const resource = (name: string, runtime?: string) => ({ id: 1, attributes: { 'service.name': name, ...(runtime ? { 'process.runtime.name': runtime } : {}) } });
const SOURCES: Omit<ExplainerSources, 'store'> = {
  version: '1.2.3',
  propagates: true,
  process: (pid) => (pid === 100 ? ({ exe: '/usr/bin/node', executionModel: 'multiplexed' } as TracedProcess) : undefined),
  resource: (pid) => (pid === 100 ? resource('shop', 'nodejs') : pid === 200 ? resource('gone') : undefined),
  runtime: () => undefined,
};

function explainer(exchanges: readonly Exchange[], sources: Partial<ExplainerSources> = {}): Explainer {
  const store = new RecordStore(1 << 20);
  store.add(SLOT, KIND, EVENT);
  for (const exchange of exchanges) store.record('echo', 'echo_event', KIND, record(exchange));
  return new Explainer({ ...SOURCES, store, ...sources });
}
/** Of the only span that is found. */
function explained(exchanges: readonly Exchange[], sources: Partial<ExplainerSources> = {}) {
  const { spans } = explainer(exchanges, sources).answer(id(exchanges[0]?.span ?? ''));
  expect(spans).toHaveLength(1);
  return spans[0] as (typeof spans)[0];
}

const SERVER: Exchange = { span: 'a1', start: 0, end: 30 };
const CLIENT: Exchange = {
  span: 'c1',
  parent: 'a1',
  rule: 'PARENT_INHERITED',
  request: 'a1',
  requestStart: 0,
  requestScope: 101,
  scope: 102,
  scopeStarted: 4,
  start: 10,
};

test('an outgoing request with a parent: rule, scopes and times, and the parent itself', () => {
  const { spans, parents, asked, obi, store } = explainer([SERVER, CLIENT]).answer(id('c1'));
  expect({ asked, obi }).toEqual({ asked: { kind: 'span', id: id('c1') }, obi: { pid: process.pid, version: '1.2.3' } });
  expect(store).toMatchObject({ records: 2, reachMs: expect.any(Number) });
  expect(spans).toMatchObject([
    {
      traceId: TRACE,
      spanId: id('c1'),
      parentSpanId: id('a1'),
      probe: 'echo',
      event: 'echo_event',
      kind: 'client',
      name: 'GET',
      durationMs: 10,
      attributes: { 'url.path': '/x' },
      process: { pid: 100, service: 'shop', executable: '/usr/bin/node', model: 'multiplexed', runtime: null },
      verdict: { kind: 'joined', rule: 'parent_inherited', needed: null },
      cause: {
        scope: { kind: 'thread', pid: 100, tid: 102 },
        scopeStarted: { beforeMs: 6 },
        request: { spanId: id('a1'), began: { beforeMs: 10 }, readBy: { kind: 'thread', tid: 101 } },
        meanwhile: null,
      },
    },
  ]);
  expect(parents.map(({ spanId, verdict }) => [spanId, verdict.kind])).toEqual([[id('a1'), 'root']]);
  const { began, cause } = spans[0] as (typeof spans)[0];
  expect(Date.parse(began ?? '') - Date.parse(cause.request?.began.at ?? '')).toBe(10);
});

test('an orphan: what it would have taken, and which requests its process was serving then', () => {
  const orphan: Exchange = { span: 'c1', rule: 'ORPHAN_MULTIPLEXED', start: 10 };
  const others: Exchange[] = [
    { span: 'a1', start: 0, end: 11 },
    { span: 'a2', start: 10, end: 40, scope: 0x8000_0000_0000_0001n },
    { span: 'a3', start: 0, end: 9 }, // answered before
    { span: 'a4', start: 11, end: 40 }, // came later
    { span: 'a5', start: 0, end: 40, pid: 200 }, // elsewhere
    { span: 'c2', rule: 'ORPHAN_MULTIPLEXED', start: 0, end: 40 }, // no incoming one
  ];
  const { verdict, cause, parentSpanId } = explained([orphan, ...others]);
  expect(parentSpanId).toBeNull();
  expect(verdict).toMatchObject({ kind: 'orphan', rule: 'orphan_multiplexed', needed: 'To follow requests inside shop: install @obi/probe-node beside obi.' });
  expect(cause.request).toBeNull();
  expect(cause.meanwhile).toEqual({ count: 2, first: ['a1', 'a2'].map((span) => ({ spanId: id(span), traceId: TRACE, name: 'GET /x' })) });
});

test('of many open requests five are named', () => {
  const others = Array.from({ length: 9 }, (_, index) => ({ span: `a${index}`, start: 0, end: 40 }));
  const { cause } = explained([{ span: 'c1', rule: 'ORPHAN_AMBIGUOUS' }, ...others]);
  expect([cause.meanwhile?.count, cause.meanwhile?.first.length]).toEqual([9, 5]);
});

test('an incoming request: who sent the parent, and the orphans that were sent while it was open', () => {
  const caller: Exchange = { span: 'c0', pid: 200, rule: 'PARENT_THREAD', request: 'a0', parent: 'a0' };
  const lost: Exchange = { span: 'c1', trace: 'dd'.repeat(16), rule: 'ORPHAN_NO_REQUEST', start: 20 };
  const joined: Exchange = { span: 'c2', rule: 'PARENT_THREAD', request: 'a1', parent: 'a1', start: 20 };
  const late: Exchange = { span: 'c3', rule: 'ORPHAN_NO_REQUEST', start: 31 };
  const { spans, parents } = explainer([{ ...SERVER, parent: 'c0' }, caller, lost, joined, late]).answer(id('a1'));
  expect(spans[0]?.verdict).toMatchObject({ kind: 'incoming', rule: null, why: expect.stringContaining(id('c0')) });
  expect(spans[0]?.cause.meanwhile).toEqual({ count: 1, first: [{ spanId: id('c1'), traceId: 'dd'.repeat(16), name: 'GET' }] });
  expect(parents.map(({ spanId, process: { service, model } }) => ({ spanId, service, model }))).toEqual([{ spanId: id('c0'), service: 'gone', model: null }]);
});

test('a root says what is off when this obi writes no traceparent', () => {
  expect(explained([SERVER]).verdict.needed).not.toContain('context_propagation');
  expect(explained([SERVER], { propagates: false }).verdict).toMatchObject({
    kind: 'root',
    needed: expect.stringContaining('context_propagation is disabled'),
  });
});

test("the application's own traceparent of another trace", () => {
  const { verdict } = explained([{ ...CLIENT, parent: '' }]);
  expect(verdict).toMatchObject({ kind: 'own', rule: 'parent_inherited', needed: expect.stringContaining(id('a1')) });
});

test('a scope of a runtime probe is called that', () => {
  const { cause } = explained([
    { span: 'c1', rule: 'PARENT_DECLARED', request: 'a1', parent: 'a1', scope: 0x8000_0000_0000_00ffn, requestScope: 0x8000_0000_0000_00ffn },
  ]);
  const scope = { id: '80000000000000ff', kind: 'declared', pid: null, tid: null };
  expect([cause.scope, cause.request?.readBy]).toEqual([scope, scope]);
});

test.each([
  [{ probe: 'node', state: 'refused', reason: 'an inspector is open' } as const, 'probe node could not follow shop: an inspector is open'],
  [{ probe: 'node', state: 'attaching' } as const, 'still being set up'],
  [{ probe: 'node', state: 'scoped' } as const, 'follows shop now'],
])('what a runtime probe says of the process: %o', (runtime, words) => {
  const { verdict, process } = explained([{ span: 'c1', rule: 'ORPHAN_MULTIPLEXED' }], { runtime: () => runtime });
  expect(verdict.needed).toContain(words);
  expect(process.runtime).toEqual(runtime);
});

test('a trace: all of its spans by their beginning, no other trace, no parents beside them', () => {
  const other: Exchange = { ...SERVER, span: 'b1', trace: 'ee'.repeat(16) };
  const { spans, parents, omitted } = explainer([CLIENT, SERVER, other]).answer(TRACE.toUpperCase());
  expect(spans.map(({ spanId }) => spanId)).toEqual([id('a1'), id('c1')]);
  expect([parents, omitted]).toEqual([[], 0]);
});

test('where a trace ends: only what came in and led to nothing is looked around', () => {
  const lost: Exchange = { span: 'c9', trace: 'dd'.repeat(16), rule: 'ORPHAN_MULTIPLEXED', start: 15 };
  const last: Exchange = { ...SERVER, span: 'a2', parent: 'c1' };
  const { spans } = explainer([SERVER, CLIENT, last, lost]).answer(TRACE);
  expect(spans.map(({ spanId, cause }) => [spanId, cause.meanwhile?.first.map((span) => span.spanId)])).toEqual([
    [id('a1'), undefined],
    [id('a2'), [id('c9')]],
    [id('c1'), undefined],
  ]);
});

test('a trace of very many spans is cut, and says so', () => {
  const exchanges = Array.from({ length: 520 }, (_, index) => ({ ...SERVER, span: (0x1000 + index).toString(16) }));
  const { spans, omitted } = explainer(exchanges).answer(TRACE);
  expect([spans.length, omitted]).toEqual([500, 20]);
});

test('a span whose decoder throws or writes none is explained without a name', () => {
  for (const pid of [13, 14]) {
    const span = explained([{ ...CLIENT, pid }]);
    expect(span).toMatchObject({ kind: 'span', name: null, began: null, durationMs: null, verdict: { rule: 'parent_inherited' }, process: { pid } });
  }
});

test('an id that is in no record: an answer without spans, with how far back it reaches', () => {
  expect(explainer([]).answer(id('1'))).toMatchObject({ spans: [], parents: [], store: { records: 0, reachMs: null } });
  expect(explainer([SERVER]).answer(id('1'))).toMatchObject({ spans: [], store: { records: 1, reachMs: expect.any(Number) } });
});

test('records of events without cause are not kept', () => {
  const store = new RecordStore(1 << 20);
  store.record('echo', 'echo_event', KIND, record(SERVER));
  expect(store.state().records).toBe(0);
});
