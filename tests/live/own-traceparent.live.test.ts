// SPDX-License-Identifier: Apache-2.0
// Trace context that is there already: what an application sends is adopted and never doubled; what comes in is continued when it is valid.
import { flatten, loadIn, parseTraceparent, type Tree, verifyTree } from '../harness/load.mjs';
import { Obi, type PrintedSpan } from '../harness/obi.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { buildWorkloads, type Language, type Service, startService } from '../harness/services.mjs';
import { serviceOf, spansOf, verifyAll } from '../harness/traces.mjs';
import { lacking, portsOf, startChain, testUnless } from './support/chain.js';
import { ACCOUNTING, type Account, finish } from './support/counters.js';
import { keepsHeaders } from './support/features.js';

const SERVER = 2;
const CLIENT = 3;
const TRACE = 'c0ffee'.padEnd(32, '1');
const CALLER = 'ab'.padEnd(16, '2');

let sandbox: Sandbox;
beforeAll(buildWorkloads);
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-own' });
});
afterEach(() => sandbox.dispose());

/** Sends requests through the chain with obi on, and waits for that many spans of each. */
async function traced(services: Service[], { requests = 20, traceparent }: { requests?: number; traceparent?: string }): Promise<Account & { trees: Tree[] }> {
  const obi = await Obi.start(sandbox, { ports: portsOf(services), env: ACCOUNTING });
  const headers = traceparent === undefined ? {} : { traceparent };
  const { trees, errors } = await loadIn(sandbox, { url: (services[0] as Service).url, requests, concurrency: 4, headers });
  expect(errors).toEqual([]);
  expect(trees).toHaveLength(requests);
  const sampled = traceparent === undefined || traceparent.endsWith('1');
  await obi.waitForSpans(sampled ? trees.reduce((sum, tree) => sum + spansOf(tree), 0) : 0);
  return { ...(await finish(obi)), trees };
}

const spanOf = (spans: PrintedSpan[], kind: number, test: (span: PrintedSpan) => boolean) => spans.filter((span) => span.kind === kind && test(span));

for (const language of ['python', 'ruby', 'java', 'node', 'go'] as Language[]) {
  for (const keepAlive of [false, true]) {
    testUnless(lacking([language]))(`a traceparent that ${language} sends stays alone and is adopted, ${keepAlive ? 'kept' : 'new'} connections`, async () => {
      const leaf = await startService(sandbox, 'node', { name: 'leaf' });
      const env = { SEND_TRACEPARENT: '1', ...(keepAlive ? { KEEPALIVE: '1' } : {}) };
      const sender = await startService(sandbox, language, { name: 'sender', downstream: [leaf], env });
      const { trees, spans, counters } = await traced([sender, leaf], {});
      for (const { downstream } of trees) {
        const [entry] = downstream;
        expect(entry).toMatchObject({ traceparent: entry?.sent, traceparents: 1 });
        const sent = parseTraceparent(entry?.sent);
        const clients = spanOf(spans, CLIENT, ({ traceId }) => traceId === sent?.traceId);
        expect(clients).toMatchObject([{ spanId: sent?.spanId }]);
        // Another trace than the request's: the sender's own server span is no parent of it.
        expect(clients[0]?.parentSpanId).toBeUndefined();
        expect(spanOf(spans, SERVER, ({ traceId }) => traceId === sent?.traceId)).toMatchObject([{ parentSpanId: sent?.spanId, resource: { 'service.name': 'leaf' } }]);
      }
      expect(spans).toHaveLength(3 * trees.length);
      expect(counters.http).toMatchObject({ parent_application: trees.length });
      // The carrier, which counts `kept`, sees only the first request of a connection that has to leave the sockhash.
      if (!keepAlive || keepsHeaders(language)) expect(counters.http).toMatchObject({ kept: trees.length });
      expect(counters.http).not.toHaveProperty('injected');
    });
  }
}

testUnless(lacking(['python']))('a traceparent of the incoming trace hangs its client span under the request', async () => {
  const leaf = await startService(sandbox, 'node', { name: 'leaf' });
  const sender = await startService(sandbox, 'python', { name: 'sender', downstream: [leaf], env: { SEND_TRACEPARENT: 'child' } });
  const { trees, spans, counters } = await traced([sender, leaf], { traceparent: `00-${TRACE}-${CALLER}-01` });
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
  for (const { downstream } of trees) {
    const [entry] = downstream;
    expect(entry).toMatchObject({ traceparent: entry?.sent, traceparents: 1 });
    const [client] = spanOf(spans, CLIENT, ({ spanId }) => spanId === parseTraceparent(entry?.sent)?.spanId);
    expect(spanOf(spans, SERVER, ({ spanId }) => spanId === client?.parentSpanId)).toMatchObject([{ parentSpanId: CALLER, resource: { 'service.name': 'sender' } }]);
  }
  expect(counters.http).toEqual({ kept: trees.length, parent_application: trees.length, parent_thread: trees.length });
});

testUnless(lacking(['python']))('a proxy that forwards the field unchanged has spans of its own beside it', async () => {
  const leaf = await startService(sandbox, 'node', { name: 'leaf' });
  const proxy = await startService(sandbox, 'python', { name: 'proxy', downstream: [leaf], env: { SEND_TRACEPARENT: 'forward' } });
  const { trees, spans } = await traced([proxy, leaf], { traceparent: `00-${TRACE}-${CALLER}-01` });
  for (const { downstream } of trees) expect(downstream).toMatchObject([{ traceparent: `00-${TRACE}-${CALLER}-01`, traceparents: 1 }]);
  expect(spans).toHaveLength(3 * trees.length);
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
  for (const client of spanOf(spans, CLIENT, () => true)) {
    expect(spanOf(spans, SERVER, ({ spanId }) => spanId === client.parentSpanId)).toMatchObject([{ parentSpanId: CALLER, resource: { 'service.name': 'proxy' } }]);
  }
  // The receiver can only believe what it reads.
  expect(spanOf(spans, SERVER, (span) => serviceOf(span) === 'leaf').filter(({ parentSpanId }) => parentSpanId !== CALLER)).toEqual([]);
});

testUnless(lacking(['python', 'ruby']))('an incoming traceparent is continued through the chain', async () => {
  const services = await startChain(sandbox, ['python', 'ruby', 'node']);
  const { trees, spans } = await traced(services, { requests: 1, traceparent: `00-${TRACE}-${CALLER}-01` });
  expect(verifyAll(trees, spans, verifyTree)).toMatchObject([{ traceId: TRACE, wrong: [] }]);
  expect(spanOf(spans, SERVER, ({ parentSpanId }) => parentSpanId === CALLER)).toMatchObject([{ resource: { 'service.name': 'python-0' } }]);
});

testUnless(lacking(['python', 'ruby']))('a trace that is not sampled stays so through the chain, and has no spans', async () => {
  const services = await startChain(sandbox, ['python', 'ruby', 'node']);
  const { trees, spans, counters } = await traced(services, { traceparent: `00-${TRACE}-${CALLER}-00` });
  for (const tree of trees) {
    expect(verifyTree(tree)).toEqual([]);
    for (const { traceparent } of flatten(tree)) expect(traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
  }
  expect(spans).toEqual([]);
  expect(counters.http).toMatchObject({ unsampled: 5 * trees.length, injected: 2 * trees.length });
});

const VALUES: [string, string, boolean][] = [
  ['of a later version', `01-${TRACE}-${CALLER}-01`, true],
  ['of a later version with more fields', `cc-${TRACE}-${CALLER}-01-what-the-future-brings`, true],
  ['with flags that version 00 does not know', `00-${TRACE}-${CALLER}-ff`, true],
  ['of the forbidden version', `ff-${TRACE}-${CALLER}-01`, false],
  ['with a trace id of zeroes', `00-${'0'.repeat(32)}-${CALLER}-01`, false],
  ['with a parent id of zeroes', `00-${TRACE}-${'0'.repeat(16)}-01`, false],
  ['in upper case', `00-${TRACE.toUpperCase()}-${CALLER}-01`, false],
  ['that is cut', `00-${TRACE}-${CALLER}-0`, false],
  ['of version 00 with more', `00-${TRACE}-${CALLER}-01-more`, false],
  ['that is something else', 'yes', false],
  ['that is empty', '', false],
];

testUnless(lacking(['python']))('of each kind of traceparent, the valid ones are continued and the others begin a trace', async () => {
  const services = await startChain(sandbox, ['python', 'node']);
  const obi = await Obi.start(sandbox, { ports: portsOf(services), env: ACCOUNTING });
  const { url } = services[0] as Service;
  const cases = [...VALUES.map(([what, value, valid]) => ({ what, headers: [value], valid })), { what: 'that comes twice', headers: [0, 1].map(() => `00-${TRACE}-${CALLER}-01`), valid: false }];
  for (const [n, { what, headers, valid }] of cases.entries()) {
    // curl can send a field twice, and an empty one by ending its name with a semicolon.
    const fields = headers.flatMap((value) => ['-H', value === '' ? 'traceparent;' : `traceparent: ${value}`]);
    const tree: Tree = JSON.parse(await sandbox.run('curl', ['curl', '-sf', ...fields, `${url}/case-${n}`]));
    const spans = await obi.waitForSpans(3, 15, ({ attributes }) => String(attributes['url.full'] ?? attributes['url.path']).endsWith(`/case-${n}`));
    expect({ what, count: spans.length, wrong: verifyTree({ ...tree, traceparent: valid ? tree.traceparent : null }).filter((text) => !text.includes('trace ids')) }).toEqual({ what, count: 3, wrong: [] });
    const [root] = spanOf(spans, SERVER, (span) => serviceOf(span) === 'python-0');
    expect({ what, parent: root?.parentSpanId, same: root?.traceId === TRACE }).toEqual({ what, parent: valid ? CALLER : undefined, same: valid });
    expect({ what, traces: new Set(spans.map(({ traceId }) => traceId)).size }).toEqual({ what, traces: 1 });
    expect({ what, downstream: tree.downstream[0]?.traceparent }).toEqual({ what, downstream: expect.stringMatching(new RegExp(`^00-${root?.traceId}-[0-9a-f]{16}-01$`)) });
  }
  await finish(obi);
});
