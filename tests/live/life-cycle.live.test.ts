// SPDX-License-Identifier: Apache-2.0
// Processes come and go while obi runs, or were there before it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { loadIn, type Tree, verifyTree } from '../harness/load.mjs';
import { Obi, type PrintedSpan } from '../harness/obi.mjs';
import { patience } from '../harness/proc.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { freePort, type Service, startService, which } from '../harness/services.mjs';
import { serviceOf, spansOf, verifyAll } from '../harness/traces.mjs';
import { lacking, startChain, testUnless } from './support/chain.js';
import { ACCOUNTING, finish } from './support/counters.js';
import { root } from './support/features.js';

const SERVER = 2;
const CLIENT = 3;

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-life' });
});
afterEach(() => sandbox.dispose());

const broken = (trees: Tree[], spans: PrintedSpan[]) => verifyAll(trees, spans, verifyTree).flatMap(({ wrong }) => wrong);

/** Sends requests and holds the spans that obi made meanwhile against the answers. @returns those spans */
async function wholeTraces(obi: Obi, { url }: Service, requests: number): Promise<PrintedSpan[]> {
  const seen = obi.spans.length;
  const { trees, errors } = await loadIn(sandbox, { url, requests, concurrency: 4, prefix: `after-${seen}` });
  expect(errors).toEqual([]);
  const expected = trees.reduce((sum, tree) => sum + spansOf(tree), 0);
  const spans = (await obi.waitForSpans(seen + expected)).slice(seen);
  expect(spans).toHaveLength(expected);
  expect(broken(trees, spans)).toEqual([]);
  return spans;
}

/** Waits until obi has said so many times that it traces a service of that name: one line for each process. */
async function tracing(obi: Obi, name: string, processes: number): Promise<void> {
  const count = () => obi.proc.lines.filter(({ text }) => text.includes(`tracing ${name}`)).length;
  for (const end = Date.now() + 15_000 * patience; count() < processes && Date.now() < end; ) await delay(20);
  expect(count()).toBe(processes);
}

const pidsOf = (spans: PrintedSpan[], service: string) =>
  new Set(spans.filter((span) => serviceOf(span) === service).map(({ resource }) => resource['process.pid']));

testUnless(lacking(['python']))('a service that starts after obi, and one that restarts on its port, selected by port', async () => {
  const leaf = await startService(sandbox, 'node', { name: 'leaf' });
  const port = await freePort();
  const obi = await Obi.start(sandbox, { ports: [leaf.port, port] });
  const pids = new Set<number>();
  for (let life = 1; life <= 3; life++) {
    const gateway = await startService(sandbox, 'python', { name: `gateway-${life}`, downstream: [leaf], port });
    await obi.proc.line(new RegExp(`tracing gateway-${life}\\b`));
    const spans = await wholeTraces(obi, gateway, 20);
    expect(pidsOf(spans, gateway.name)).toEqual(new Set([gateway.proc.pid]));
    pids.add(gateway.proc.pid);
    await gateway.proc.stop();
  }
  expect(pids.size).toBe(3);
});

testUnless(lacking(['python', 'ruby']))('services that start after obi, selected by the cgroup, are traced from their first request on', async () => {
  const obi = await Obi.start(sandbox);
  const services = await startChain(sandbox, ['python', 'ruby', 'node']);
  const spans = await wholeTraces(obi, services[0] as Service, 20);
  for (const { name, proc } of services) expect(pidsOf(spans, name)).toEqual(new Set([proc.pid]));
});

/** Runs the program in its argument, but executes its own interpreter again as soon as it may: the same file, the same arguments. */
const AGAIN = `
import os, sys, time
if os.environ.get("AGAIN"):
    exec(compile(open(sys.argv[1]).read(), sys.argv[1], "exec"))
print("begun", flush=True)
while not os.path.exists(os.environ["MAY"]):
    time.sleep(0.02)
os.environ["AGAIN"] = "1"
os.execv(sys.executable, sys.orig_argv)
`;

testUnless(lacking(['python']))('a program that executes itself again is judged again, and followed again by its runtime probe', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'obi-again-'));
  try {
    const leaf = await startService(sandbox, 'node', { name: 'leaf' });
    const obi = await Obi.start(sandbox, { plugins: ['http', ...['node', 'python'].map((id) => path.join(root, `packages/probe-${id}`))].join(',') });
    const follows = () => obi.proc.lines.filter(({ text }) => text.includes('follows requests inside again')).length;
    const may = path.join(folder, 'may');
    const command = [which('/usr/bin/python3', 'python3') ?? 'python3', '-c', AGAIN, path.join(root, 'tests/workloads/async.py')];
    const env = { MAY: may, NAME: 'again', OTEL_SERVICE_NAME: 'again', PORT: '0', DOWNSTREAM: leaf.url, DELAY_MS: '20' };
    const proc = await sandbox.start('again', command, { env });
    await obi.proc.until('the program is followed', () => follows() === 1);
    writeFileSync(may, '');
    const [, port] = await proc.line(/^listening (\d+)$/);
    await obi.proc.until('it is followed again', () => follows() === 2);
    const spans = await wholeTraces(obi, { url: `http://127.0.0.1:${port}` } as Service, 20);
    expect(pidsOf(spans, 'again')).toEqual(new Set([proc.pid]));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

for (const first of ['workers', 'obi'] as const) {
  testUnless(lacking(['python']))(`worker processes that were forked, ${first} first`, async () => {
    const leaf = await startService(sandbox, 'node', { name: 'leaf' });
    const port = await freePort();
    const start = () => startService(sandbox, 'python', { name: 'prefork', downstream: [leaf], port, env: { PREFORK: '3', DELAY_MS: '5' } });
    const early = first === 'workers' ? await start() : undefined;
    const obi = await Obi.start(sandbox, { ports: [leaf.port, port], env: ACCOUNTING });
    const service = early ?? (await start());
    await tracing(obi, 'prefork', 4);
    const spans: PrintedSpan[] = [];
    // A new connection may go to any of them: until two at least have served.
    for (let round = 0; round < 10 && pidsOf(spans, 'prefork').size < 2; round++) {
      const seen = obi.spans.length;
      const { trees, errors } = await loadIn(sandbox, { url: service.url, requests: 40, concurrency: 8, keepAlive: false, prefix: `round-${round}` });
      expect(errors).toEqual([]);
      await obi.waitForSpans(seen + 3 * trees.length);
      spans.push(...obi.spans.slice(seen));
      expect(broken(trees, obi.spans.slice(seen))).toEqual([]);
    }
    expect(pidsOf(spans, 'prefork').size).toBeGreaterThanOrEqual(2);
    const { counters, lost } = await finish(obi);
    expect(lost).toEqual([]);
    expect(counters.http).toEqual({ parent_thread: spans.length / 3, injected: spans.length / 3 });
  });
}

testUnless(lacking(['python']))('a process that lives for one request has its client span', async () => {
  const leaf = await startService(sandbox, 'python', { name: 'leaf' });
  const obi = await Obi.start(sandbox);
  const runs = 20;
  for (let n = 0; n < runs; n++) {
    const curl = await sandbox.start('curl', ['curl', '-sf', `${leaf.url}/run-${n}`]);
    expect((await curl.exited).code).toBe(0);
    const answer: Tree = JSON.parse(curl.lines.map(({ text }) => text).join('\n'));
    const spans = await obi.waitForSpans(2, 15, ({ attributes }) => String(attributes['url.full'] ?? attributes['url.path']).endsWith(`/run-${n}`));
    const client = spans.find(({ kind }) => kind === CLIENT);
    const server = spans.find(({ kind }) => kind === SERVER);
    expect({ n, spans: spans.length, traceparents: answer.traceparents }).toEqual({ n, spans: 2, traceparents: 1 });
    expect(client).toMatchObject({ resource: { 'service.name': 'curl', 'process.pid': curl.pid } });
    expect(answer.traceparent).toBe(`00-${client?.traceId}-${client?.spanId}-01`);
    expect(server).toMatchObject({ traceId: client?.traceId, parentSpanId: client?.spanId, resource: { 'service.name': 'leaf' } });
  }
});
