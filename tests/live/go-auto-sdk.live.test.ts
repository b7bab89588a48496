// SPDX-License-Identifier: Apache-2.0
// Spans that a Go program makes itself, by OpenTelemetry's Auto SDK: they say what the program says, under its request, and what it asks for in one of them is that one's child.
import path from 'node:path';
import { Obi, type PrintedSpan } from '../harness/obi.mjs';
import { autoSdkService, certificate, goService, lacking, otelSdkService } from '../harness/parents-middles.mjs';
import { patience } from '../harness/proc.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { startService } from '../harness/services.mjs';
import { testUnless } from './support/chain.js';
import { ACCOUNTING, type Account, finish, NO_FAULTS } from './support/counters.js';
import { features, inVm, isSample, root } from './support/features.js';
import { fetchAll } from './support/fetch.mjs';
import { settledTables } from './support/tables.js';

const [INTERNAL, SERVER, CLIENT, CONSUMER] = [1, 2, 3, 5];
const REQUESTS = inVm ? 20 : 200;
const CONCURRENT = 50;
/** AUTO_SPAN_TEXT in bpf/auto.h; around the attribute stand some hundred bytes more. */
const MOST_BYTES = 16384;
const TABLES = ['go_spans', 'go_auto_calls', 'go_auto_open', 'obi_spans', 'obi_named', 'obi_requests', 'go_clients'] as const;
jest.setTimeout(120_000 * patience);

const here = testUnless(lacking('go'));
/** Programs that are built for one row only: a virtual machine cannot write into the cache. */
const outsideVm = testUnless(lacking('go') ?? (inVm ? 'built outside of virtual machines alone' : undefined));
/** What is done without writing too. */
const outsideSample = testUnless(lacking('go') ?? (isSample ? 'in virtual machines with OBI_VM_FULL=1' : undefined));
let sandbox: Sandbox;
let service: Awaited<ReturnType<Sandbox['start']>>;
let port: number;
let obi: Obi;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-auto-sdk' });
});
afterEach(() => sandbox.dispose());

/** How the service is built; `tracer`: `global` is the API's, without an SDK. */
type Way = Parameters<typeof autoSdkService>[0] & { readonly tracer?: 'global' };

const portOf = async (proc: typeof service) => Number((await proc.line(/^listening (\d+)$/))[1]);

/** @param next what it asks, instead of a leaf that is traced too @param beside a service that is traced too */
async function start({ tracer, ...way }: Way = {}, next?: string, beside?: typeof service): Promise<void> {
  const leaf = await startService(sandbox, 'node', { name: 'leaf' });
  service = await sandbox.start('service', [autoSdkService(way)], { env: { NEXT: next ?? leaf.url, ...(tracer ? { TRACER: tracer } : {}) } });
  port = await portOf(service);
  const plugins = `http,${path.join(root, 'packages/probe-go')}`;
  obi = await Obi.start(sandbox, { plugins, ports: [port, leaf.port, ...(beside ? [await portOf(beside)] : [])], env: ACCOUNTING });
}

/** Each path, or address of another service, once, many at a time. */
async function ask(targets: readonly string[], status = 200): Promise<void> {
  for (let from = 0; from < targets.length; from += CONCURRENT) {
    const urls = targets.slice(from, from + CONCURRENT).map((one) => (one.startsWith('/') ? `http://127.0.0.1:${port}${one}` : one));
    expect((await fetchAll(sandbox, 30 * patience, urls)).filter((answer) => answer[0] !== status)).toEqual([]);
  }
}
const numbered = (target: string) => Array.from({ length: REQUESTS }, (_, n) => `${target}?n=${n}`);

/** Ends obi once it has `count` spans. */
async function account(count: number): Promise<Account> {
  await obi.waitForSpans(count);
  const all = await finish(obi);
  expect({ code: all.code, spans: all.spans.length, faults: all.faults.go }).toEqual({ code: 0, spans: count, faults: NO_FAULTS });
  return all;
}

const serverOf = (spans: readonly PrintedSpan[], query: string) => spans.find(({ kind, attributes }) => kind === SERVER && attributes['url.query'] === query);
const named = (spans: readonly PrintedSpan[], name: string) => spans.filter((span) => span.name === name);
/** Of spans of one name. @returns the only one, as a child of `parent` and with what else is expected */
function childOf(parent: PrintedSpan | undefined, spans: readonly PrintedSpan[], name: string, expected: object = {}): PrintedSpan | undefined {
  const found = named(spans, name);
  expect(found).toMatchObject([{ traceId: parent?.traceId, parentSpanId: parent?.spanId, ...expected }]);
  return found[0];
}

const NO_IDS = `${'0'.repeat(32)}-${'0'.repeat(16)}-00`;
/** Spans whose ids the program knows, and the others of its own. */
const known = (spans: readonly PrintedSpan[]) => spans.filter(({ attributes: { ids } }) => ids !== undefined && ids !== NO_IDS);
const unknown = (spans: readonly PrintedSpan[]) => spans.filter(({ attributes: { ids } }) => ids === NO_IDS);
const isKnown = (span: PrintedSpan | undefined) => span !== undefined && known([span]).length > 0;

/** What the program reads as ids are those that obi exports: where they can be written into the process, in memory that was used before. */
function idsAreKnown(spans: readonly PrintedSpan[], counters: Account['counters']): void {
  expect(known(spans).map(({ attributes }) => attributes.ids)).toEqual(known(spans).map(({ traceId, spanId }) => `${traceId}-${spanId}-01`));
  if (!features().probeWriteUser) expect(known(spans)).toEqual([]);
  else expect([known(spans).length > unknown(spans).length, unknown(spans).length]).toEqual([true, counters.go?.auto_span_unnamed ?? 0]);
}

const attributesOf = (n: number) => ({
  'otel.scope.name': 'shop',
  'otel.scope.version': '1.2.3',
  n,
  text: 'Größe "1"\n<&>',
  flag: true,
  integer: '9223372036854775807',
  double: 2,
  texts: ['a', ''],
  flags: [true, false],
  integers: ['-9223372036854775808', 7],
  doubles: [1, 0.5],
});

/** @param others spans of other services */
async function nested(others = 0): Promise<void> {
  const { spans, counters } = await account(5 * REQUESTS + others);
  for (let n = 0; n < REQUESTS; n++) {
    const outer = childOf(serverOf(spans, `n=${n}`), spans, `outer ${n}`, { kind: INTERNAL, status: { code: 'UNSET' } });
    expect(outer?.attributes).toEqual({ ...attributesOf(n), ids: expect.any(String) });
    expect(outer?.events).toEqual([{ timeUnixNano: expect.stringMatching(/^\d{19}$/), name: 'begun', attributes: { n } }]);
    expect(outer?.links).toEqual([{ traceId: 'c0ffee00000000000000000000000001', spanId: 'beef000000000002', attributes: { why: 'message' } }]);
    const inner = childOf(outer, spans, `inner ${n}`, { kind: CONSUMER, status: { code: 'ERROR', message: 'failed' } });
    expect(inner?.attributes).toMatchObject({ n });
    expect(inner?.events).toMatchObject([{ name: 'exception', attributes: { 'exception.type': '*errors.errorString', 'exception.message': 'out of stock' } }]);
    const times = { startTimeUnixNano: '1700000000123456789', endTimeUnixNano: '1700000001987654321' };
    const link = { traceId: outer?.traceId, spanId: outer?.spanId };
    childOf(inner, spans, `innermost ${n}`, {
      ...times,
      status: { code: 'OK' },
      ...(isKnown(outer) ? { links: [link] } : { droppedLinksCount: 1 }),
    });
    // Its context carries `inner` first, which had ended.
    childOf(outer, spans, `late ${n}`);
    const [began, ended] = [BigInt(outer?.startTimeUnixNano ?? 0), BigInt(outer?.endTimeUnixNano ?? 0)];
    const request = serverOf(spans, `n=${n}`);
    // The clocks of the two are held against each other within some ms.
    expect(began >= BigInt(request?.startTimeUnixNano ?? 0) - 20_000_000n && ended <= BigInt(request?.endTimeUnixNano ?? 0) + 20_000_000n).toBe(true);
  }
  idsAreKnown(spans, counters);
  expect(counters.go).toMatchObject({ parent_declared: REQUESTS, parent_span: 3 * REQUESTS });
  expect(counters.go).not.toHaveProperty('auto_span_missed');
}

async function nestedBy(way: Way): Promise<void> {
  await start(way);
  await ask(numbered('/spans'));
  await nested();
}

testUnless(lacking('go') ?? (inVm ? 'there as spans of the global tracer' : undefined))('nested spans, with all that they say', () => nestedBy({}));

outsideVm('the first release of the SDK, in a stripped program', () => nestedBy({ version: 'v1.1.0' }));

here('the API’s global tracer: the same where its flag can be written, but not of a program with an SDK; nothing is left of that', async () => {
  const own = await sandbox.start('own', [otelSdkService()]);
  await start({ tracer: 'global' }, undefined, own);
  await ask([...numbered('/spans'), `http://127.0.0.1:${await portOf(own)}/`]);
  if (features().probeWriteUser) await nested(1);
  else expect((await account(REQUESTS + 1)).counters.go).toEqual({});
  await ask(['/recording'], 204);
  const printed = own.lines.map(({ text }) => text.split(' ')).filter(([what]) => what === 'span');
  const [, , trace, id] = printed[1] ?? [];
  expect(printed).toEqual([
    ['span', 'inner', trace, expect.stringMatching(/[1-9a-f]/), id],
    ['span', 'outer', expect.stringMatching(/[1-9a-f]/), expect.stringMatching(/[1-9a-f]/), '0'.repeat(16)],
  ]);
});

outsideSample('spans in goroutines of their own', async () => {
  await start();
  await ask(numbered('/children'));
  const { spans } = await account(6 * REQUESTS);
  for (let n = 0; n < REQUESTS; n++) {
    const outer = childOf(serverOf(spans, `n=${n}`), spans, `outer ${n}`);
    for (const side of ['left', 'right']) childOf(childOf(outer, spans, `${side} ${n}`), spans, `below ${side} ${n}`);
  }
});

/** What /call asks for: in whose context, and whether with a traceparent of the program's own, where it knows the span's ids. */
const CALLS = [
  ['inside', 'outer', false],
  ['beside', 'request', false],
  ['named-inside', 'outer', true],
  ['named-beside', 'request', true],
  ['named-after', 'request', true],
] as const;

/** @param expected of each call, besides its parent @returns what a service that is asked would have as its parent, by path */
function calls(spans: readonly PrintedSpan[], expected: object = {}): ReadonlyMap<string, PrintedSpan | undefined> {
  const parents = new Map<string, PrintedSpan | undefined>();
  for (let n = 0; n < REQUESTS; n++) {
    const request = serverOf(spans, `n=${n}`);
    const outer = childOf(request, spans, `outer ${n}`);
    for (const [what, context, isNamed] of CALLS) {
      const named = isNamed && isKnown(outer) ? outer : undefined;
      const path = `/${what}-${n}`;
      const found = spans.filter(({ kind, attributes }) => kind === CLIENT && String(attributes['url.full']).endsWith(path));
      const parent = named ?? { outer, request }[context];
      expect(found).toMatchObject([{ ...expected, traceId: request?.traceId, parentSpanId: parent?.spanId }]);
      parents.set(path, named ?? found[0]);
    }
  }
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
  return parents;
}

here('calls: children of the span that their traceparent names, or whose context they have, else of the request; no table keeps anything', async () => {
  await start();
  await ask(numbered('/call'));
  const count = (2 + 2 * CALLS.length) * REQUESTS;
  await obi.waitForSpans(count);
  expect(await settledTables(obi.proc.pid, ['go_spans', 'obi_requests'], {})).toEqual({});
  await service.stop('SIGKILL');
  expect(await settledTables(obi.proc.pid, TABLES, {})).toEqual({});
  const { spans, counters } = await account(count);
  for (const [path, parent] of calls(spans)) {
    const served = spans.filter(({ kind, attributes }) => kind === SERVER && attributes['url.path'] === path);
    expect(served).toMatchObject([{ traceId: parent?.traceId, parentSpanId: parent?.spanId }]);
  }
  idsAreKnown(spans, counters);
  const counted = (name: string) => (counters.http?.[name] ?? 0) + (counters.go?.[name] ?? 0);
  // Of each request five calls and a span.
  expect(counted('parent_declared')).toBe(6 * REQUESTS);
  expect(counted('parent_span')).toBe(2 * REQUESTS + 2 * known(spans).length);
});

async function callsOverHttp2(toolchain?: string): Promise<void> {
  const next = await sandbox.start('next', [goService()], { env: { ...certificate(), HTTP2: '1' } });
  await start(toolchain === undefined ? {} : { toolchain }, `https://127.0.0.1:${await portOf(next)}/status/200?asked=`);
  await ask(numbered('/call'));
  const { spans } = await account((2 + CALLS.length) * REQUESTS);
  calls(spans, { attributes: { 'network.protocol.version': '2' } });
}

outsideSample('calls over HTTP/2, many at a time on a connection', () => callsOverHttp2());

outsideVm('the same in Go 1.27, whose client of HTTP/2 is another', () => callsOverHttp2('go1.27.4'));

outsideSample('a span outside of all requests begins a trace, which its calls go on with', async () => {
  await start();
  await ask(['/background?n=7']);
  const { spans } = await account(4);
  const [job] = named(spans, 'job 7');
  expect(job?.parentSpanId).toBeUndefined();
  expect(job?.traceId).not.toBe(serverOf(spans, 'n=7')?.traceId);
  const call = spans.find(({ kind }) => kind === CLIENT);
  expect(call).toMatchObject({ traceId: job?.traceId, parentSpanId: job?.spanId });
});

outsideSample('a span that is never ended is a parent, and goes with the process', async () => {
  await start();
  await ask(numbered('/open'));
  await obi.waitForSpans(2 * REQUESTS);
  await service.stop('SIGKILL');
  expect(await settledTables(obi.proc.pid, TABLES, {})).toEqual({});
  const { spans } = await account(2 * REQUESTS);
  for (let n = 0; n < REQUESTS; n++) {
    const [below] = named(spans, `below ${n}`);
    const request = serverOf(spans, `n=${n}`);
    expect(below?.traceId).toBe(request?.traceId);
    expect([undefined, request?.spanId]).not.toContain(below?.parentSpanId);
  }
});

outsideSample('of all sizes; what is too long, and what the SDK cannot encode, is counted', async () => {
  await start();
  const sizes = [0, 500, 1000, 3000, 5000, 15_000, MOST_BYTES, 100_000];
  await ask([...sizes.map((bytes) => `/large?bytes=${bytes}`), '/nan']);
  // Of each request itself, of the small spans, and of the large ones but two.
  const { spans, counters, lost } = await account(sizes.length + 1 + sizes.length + sizes.length - 2);
  expect(counters.go).toMatchObject({ auto_span_too_long: 2, auto_span_unreadable: 1 });
  expect(lost.sort()).toEqual(['lost: go auto_span_too_long 2', 'lost: go auto_span_unreadable 1']);
  const lengths = named(spans, 'large').map(({ attributes }) => String(attributes.text).length);
  expect(lengths.sort((a, b) => a - b)).toEqual(sizes.slice(0, -2));
  expect(named(spans, 'small')).toHaveLength(sizes.length);
});
