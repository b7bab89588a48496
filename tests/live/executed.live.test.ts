// SPDX-License-Identifier: Apache-2.0
// Services that let other programs make their calls: what a program that was executed for a request sends belongs to that request, and nothing is ever filed
// under a request of somebody else.
import { fileURLToPath } from 'node:url';
import { loadIn, parseTraceparent, type Tree } from '../harness/load.mjs';
import { Obi, type PrintedSpan } from '../harness/obi.mjs';
import { patience } from '../harness/proc.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { type Service, startService, which } from '../harness/services.mjs';
import { crossedTraces } from '../harness/traces.mjs';
import { lacking, testUnless } from './support/chain.js';
import { inVm } from './support/features.js';

const SERVER = 2;
const CLIENT = 3;
const SEQUENTIAL = inVm ? 5 : 25;
const CONCURRENT = inVm ? 20 : 150;
const python = which('/usr/bin/python3', 'python3') ?? 'python3';
const script = fileURLToPath(new URL('support/exec_gateway.py', `file://${__dirname}/`));
const why = lacking(['python']) ?? (which('curl') ? undefined : 'curl is not installed');

jest.setTimeout(120_000 * patience);

let sandbox: Sandbox;
let leaf: Service;
let url: string;
let obi: Obi;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-exec' });
});
afterEach(() => sandbox.dispose());

async function start(kind: string): Promise<void> {
  leaf = await startService(sandbox, 'node', { name: 'leaf', env: { DELAY_MS: '5' } });
  obi = await Obi.start(sandbox);
  const gateway = await sandbox.start('exec', [python, script, kind, leaf.url]);
  const [, port] = await gateway.line(/^listening (\d+)$/);
  url = `http://127.0.0.1:${port}`;
  await obi.proc.line(new RegExp(`tracing .*pid\\W+${gateway.pid}\\b|pid\\W+${gateway.pid}\\b.*tracing`));
}

/** Holds what the leaf received of one request against the spans: every call hangs under the request that caused it, with a span of its own. @returns what is wrong */
function broken(tree: Tree, spans: PrintedSpan[], executable: string): string[] {
  return tree.downstream.flatMap((child) => {
    const wrong = (what: string) => [`${tree.request}: ${what}`];
    const sent = parseTraceparent(child.traceparent);
    if (child.traceparents !== 1 || !sent) return wrong(`${child.traceparents} headers`);
    const client = spans.find(({ kind, spanId }) => kind === CLIENT && spanId === sent.spanId);
    if (client?.traceId !== sent.traceId) return wrong('no client span');
    if (!String(client.resource['process.executable.path']).includes(executable)) return wrong(`sent by ${client.resource['process.executable.path']}`);
    const server = spans.find(({ kind, spanId }) => kind === SERVER && spanId === client.parentSpanId);
    if (server?.traceId !== sent.traceId || server.parentSpanId) return wrong('the call hangs under no request');
    if (server.attributes['url.query'] !== `n=${tree.request?.split('-').pop()}`) return wrong(`the call hangs under ${server.attributes['url.query']}`);
    const below = spans.filter(({ kind, parentSpanId }) => kind === SERVER && parentSpanId === sent.spanId);
    return below.length === 1 && below[0]?.traceId === sent.traceId ? [] : wrong('no server span below');
  });
}

/** @returns the answers, once obi has `perRequest` spans of each */
async function load(requests: number, concurrency: number, prefix: string, perRequest: number): Promise<{ trees: Tree[]; spans: PrintedSpan[] }> {
  const before = obi.spans.length;
  const { trees, errors } = await loadIn(sandbox, { url, requests, concurrency, prefix });
  expect(errors).toEqual([]);
  expect(trees).toHaveLength(requests);
  await obi.waitForSpans(before + requests * perRequest);
  return { trees, spans: obi.spans.slice(before) };
}

const callsOf = (trees: Tree[]) => trees.flatMap(({ downstream }) => downstream);

/** Holds the traces that the leaf received against the requests at the gateway. `none`: calls that begin a trace of their own, or carried no header. */
function placesOf(trees: Tree[], spans: PrintedSpan[]): { right: number; none: number; wrong: string[] } {
  const roots = new Map(spans.filter(({ kind, parentSpanId }) => kind === SERVER && !parentSpanId).map((span) => [span.traceId, span.attributes['url.query']]));
  const places = { right: 0, none: 0, wrong: [] as string[] };
  for (const tree of trees)
    for (const { traceparent } of tree.downstream) {
      const query = roots.get(parseTraceparent(traceparent)?.traceId ?? '');
      if (query === undefined) places.none++;
      else if (query === `n=${tree.request?.split('-').pop()}`) places.right++;
      else places.wrong.push(`${tree.request}: under ${query}`);
    }
  return places;
}

testUnless(why)('a curl for each request', async () => {
  await start('curl');
  const one = await load(SEQUENTIAL, 1, 'one', 3);
  expect(one.trees.flatMap((tree) => broken(tree, one.spans, 'curl'))).toEqual([]);
  const many = await load(CONCURRENT, 12, 'many', 3);
  expect(crossedTraces([...one.trees, ...many.trees])).toEqual([]);
  // Each was executed for its request, whatever else goes on meanwhile.
  expect(placesOf(many.trees, many.spans)).toEqual({ right: CONCURRENT, none: 0, wrong: [] });
});

for (const kind of ['shell', 'pipe'])
  testUnless(why)(`a shell for each request, with two curls (${kind})`, async () => {
    await start(kind);
    const one = await load(SEQUENTIAL, 1, 'one', 5);
    expect(callsOf(one.trees)).toHaveLength(2 * SEQUENTIAL);
    expect(one.trees.flatMap((tree) => broken(tree, one.spans, 'curl'))).toEqual([]);
    const many = await load(CONCURRENT / 2, 12, 'many', 5);
    expect(callsOf(many.trees)).toHaveLength(CONCURRENT);
    expect(crossedTraces([...one.trees, ...many.trees])).toEqual([]);
    const places = placesOf(many.trees, many.spans);
    expect(places.wrong).toEqual([]);
    // Only the first program that a shell starts certainly works for its request; here that is a curl in the one, and mktemp in the other.
    if (kind === 'shell') expect(places.right).toBeGreaterThanOrEqual(CONCURRENT / 2);
  });

testUnless(why)('a program that is kept and gets the work of all requests', async () => {
  await start('helper');
  // Those in flight at once come first: the helper is started by one of them and used by the others.
  const many = await load(CONCURRENT, 12, 'many', 3);
  expect(crossedTraces(many.trees)).toEqual([]);
  expect(placesOf(many.trees, many.spans).wrong).toEqual([]);
  const one = await load(SEQUENTIAL, 1, 'one', 3);
  expect(crossedTraces([...many.trees, ...one.trees])).toEqual([]);
  expect(placesOf(one.trees, one.spans).wrong).toEqual([]);
});
