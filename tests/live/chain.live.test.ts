// SPDX-License-Identifier: Apache-2.0
// Chains of services in several languages under load: every downstream request carries the right trace and parent, and what the real Collector
// receives is what the services counted.
import path from 'node:path';
import { Collector, collectorBinary, type ReceivedSpan } from '../harness/collector.mjs';
import { loadIn, type Tree, verifyTree } from '../harness/load.mjs';
import { Obi } from '../harness/obi.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { buildWorkloads, type Language, type Service } from '../harness/services.mjs';
import { type CheckedSpan, serviceOf, spansOf, verifyAll } from '../harness/traces.mjs';
import { lacking, portsOf, startChain, testUnless } from './support/chain.js';
import { ACCOUNTING, type Account, finish, NO_FAULTS } from './support/counters.js';
import { inVm, keepsHeaders, root } from './support/features.js';

/** An emulated processor is ten times slower: all of it there with OBI_VM_FULL=1. */
const isShort = inVm && !process.env.OBI_VM_FULL;
const SEQUENTIAL = isShort ? 50 : 500;
const CONCURRENT = isShort ? 200 : 2000;
const IN_FLIGHT = 50;
const SERVER = 2;
const CLIENT = 3;

const found = collectorBinary();
const [collectorPath, noCollector] = 'binary' in found ? [found.binary, undefined] : [undefined, found.unavailable];

/** What finds the parents, beside probe-http: nothing where a thread works on one request at a time. */
interface Row {
  readonly languages: Language[];
  readonly runtime?: string;
}
const CHAINS: Row[] = [
  { languages: ['python', 'ruby', 'node'] },
  { languages: ['python', 'java', 'go'] },
  ...(isShort ? [] : [{ languages: ['go', 'go', 'node'] as Language[], runtime: 'go' }]),
];
beforeAll(buildWorkloads);
for (const row of CHAINS) {
  const { languages } = row;
  for (const keepAlive of [false, true]) {
    const fault = keepAlive && !languages.every(keepsHeaders) ? 'kept connections of Java carry one header: its sockets block' : undefined;
    const why = lacking(languages) ?? fault;
    describe(`${languages.join(' → ')}, ${keepAlive ? 'kept' : 'new'} connections`, () => {
      let sandbox: Sandbox;
      let outcome: Outcome;
      beforeAll(async () => {
        sandbox = await Sandbox.create({ netns: true, name: 'obi-chain' });
        outcome = await run(sandbox, row, keepAlive);
      });
      afterAll(() => sandbox?.dispose());

      testUnless(why)('every request is one trace, nothing is lost', async () => checkAccount(outcome, row));
      testUnless(why ?? noCollector)('the real Collector receives just that', async () => checkReceived(outcome));
    });
  }
}

interface Outcome {
  readonly services: Service[];
  readonly trees: Tree[];
  readonly errors: string[];
  /** Spans of all trees. */
  readonly expected: number;
  readonly account: Account;
  /** Undefined where there is no Collector. */
  readonly received: ReceivedSpan[] | undefined;
}

async function run(sandbox: Sandbox, { languages, runtime }: Row, keepAlive: boolean): Promise<Outcome> {
  const services = await startChain(sandbox, languages, { DELAY_MS: '2', THREADS: '64', ...(keepAlive ? { KEEPALIVE: '1' } : {}) });
  const collector = collectorPath === undefined ? undefined : await Collector.start({ binary: collectorPath, sandbox });
  const env = { ...ACCOUNTING, ...(collector ? { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint } : {}) };
  const plugins = runtime === undefined ? 'http' : `http,${path.join(root, `packages/probe-${runtime}`)}`;
  const obi = await Obi.start(sandbox, { ports: portsOf(services), plugins, env });
  const { url } = services[0] as Service;

  const sequential = await loadIn(sandbox, { url, requests: SEQUENTIAL, keepAlive, prefix: 'one' });
  const concurrent = await loadIn(sandbox, { url, requests: CONCURRENT, concurrency: IN_FLIGHT, keepAlive, prefix: 'many' });
  const trees = [...sequential.trees, ...concurrent.trees];
  const expected = trees.reduce((sum, tree) => sum + spansOf(tree), 0);
  await obi.waitForSpans(expected);
  const account = await finish(obi);
  const received = await collector?.waitForSpans(expected);
  await collector?.stop();
  return { services, trees, errors: [...sequential.errors, ...concurrent.errors], expected, account, received };
}

function checkAccount({ services, trees, errors, expected, account }: Outcome, { runtime }: Row): void {
  expect(errors).toEqual([]);
  expect(trees).toHaveLength(SEQUENTIAL + CONCURRENT);
  expect(wrongIn(trees, account.spans)).toEqual([]);
  expect(trees.filter((tree) => tree.traceparents > 0)).toEqual([]);
  expect(account.spans).toHaveLength(expected);
  expect(new Set(account.spans.map(({ spanId }) => spanId)).size).toBe(expected);

  // Nothing lost, nothing undecided: one parent and one header for each request downstream, and no other counter.
  const calls = trees.length * (services.length - 1);
  expect(account).toMatchObject({ code: 0, lost: [], faults: { core: NO_FAULTS, http: NO_FAULTS } });
  expect(account.counters).toEqual(
    runtime === undefined
      ? { core: {}, http: { parent_thread: calls, injected: calls } }
      : { core: {}, http: { parent_declared: calls, injected: calls }, [runtime]: {} },
  );
}

/** By the ids that the services echoed, and by the spans; verifyTree also counts the headers of each request. */
const wrongIn = (trees: Tree[], spans: CheckedSpan[]) =>
  verifyAll(trees, spans, verifyTree).flatMap(({ tree, wrong }) => (wrong.length > 0 ? [[tree.request, ...wrong]] : []));

async function checkReceived({ services, trees, expected, received = [] }: Outcome): Promise<void> {
  expect(trees).toHaveLength(SEQUENTIAL + CONCURRENT);
  expect(wrongIn(trees, received)).toEqual([]);
  expect(received).toHaveLength(expected);
  expect(new Set(received.map(({ spanId }) => spanId)).size).toBe(expected);
  for (const [index, service] of services.entries()) {
    const spans = received.filter((span) => serviceOf(span) === service.name);
    // obi has stopped: asking for this makes no spans.
    const downstream = services[index + 1];
    expect(spans.filter(({ kind }) => kind === SERVER)).toHaveLength(await service.served());
    expect(spans.filter(({ kind }) => kind === CLIENT)).toHaveLength(downstream ? await downstream.served() : 0);
    expect(new Set(spans.map(({ resource }) => JSON.stringify(resource))).size).toBe(1);
    expect(spans[0]?.resource).toMatchObject({
      'service.name': service.name,
      'process.pid': service.proc.pid,
      'telemetry.sdk.name': 'opentelemetry',
      'telemetry.sdk.language': service.language === 'node' ? 'nodejs' : service.language,
      'process.executable.path': expect.stringMatching(/^\//),
    });
  }
}
