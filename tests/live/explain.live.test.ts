// SPDX-License-Identifier: Apache-2.0
// `obi explain`, asked of an obi that traces Python and Node without a runtime probe: why each span has its parent, or none.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { ExplainAnswer } from '@obi/core';
import { Obi, obiMain, type PrintedSpan } from '../harness/obi.mjs';
import { autoSdkService, lacking } from '../harness/parents-middles.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { fetchIn, missing, type Service, startService } from '../harness/services.mjs';
import { portsOf, testUnless } from './support/chain.js';
import { root } from './support/features.js';
import { CLIENT, SERVER } from './support/traced.js';

let directory: string;
let sandbox: Sandbox;
beforeEach(async () => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'obi-explain-'));
  sandbox = await Sandbox.create({ netns: true });
});
afterEach(async () => {
  await sandbox.dispose();
  rmSync(directory, { recursive: true });
});

/** Runs `obi explain`, outside of every sandbox. */
function explain(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [obiMain, 'explain', ...args], { env: { ...process.env, OTEL_EBPF_EXPLAIN_DIRECTORY: directory } });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text) => {
      texts[name] += text;
    });
  }
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, ...texts })));
}
async function explained(id: string): Promise<ExplainAnswer> {
  const { code, stdout, stderr } = await explain('--json', id);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const answers = JSON.parse(stdout).filter(({ spans }: ExplainAnswer) => spans.length > 0);
  expect(answers).toHaveLength(1);
  return answers[0];
}

const startObi = (where: Sandbox, services: Service[], env: Record<string, string> = {}) =>
  Obi.start(where, { ports: portsOf(services), env: { OTEL_EBPF_EXPLAIN_DIRECTORY: directory, ...env } });

function spanOf(obi: Obi, service: string, kind: number): PrintedSpan {
  const found = obi.spans.filter((span) => span.kind === kind && span.resource['service.name'] === service);
  expect(found).toHaveLength(1);
  return found[0] as PrintedSpan;
}

const withPython = testUnless(missing('python'));

withPython('each rule of a chain: by thread, started for the request, multiplexed; and the trace as a whole', async () => {
  const leaf = await startService(sandbox, 'python', { name: 'leaf' });
  const node = await startService(sandbox, 'node', { name: 'node', downstream: [leaf] });
  const fanout = await startService(sandbox, 'python', { name: 'fanout', downstream: [leaf], env: { FANOUT: 'request' } });
  const gateway = await startService(sandbox, 'python', { name: 'gateway', downstream: [node] });
  const services = [gateway, fanout, node, leaf];
  const obi = await startObi(sandbox, services);
  await fetchIn(sandbox, `${gateway.url}/one`);
  await fetchIn(sandbox, `${fanout.url}/two`);
  expect(await obi.waitForSpans(8)).toHaveLength(8);

  const entered = spanOf(obi, 'gateway', SERVER);
  const called = spanOf(obi, 'gateway', CLIENT);
  const byThread = await explained(called.spanId);
  const pid = gateway.proc.pid;
  expect(byThread.spans).toMatchObject([
    {
      traceId: entered.traceId,
      parentSpanId: entered.spanId,
      kind: 'client',
      attributes: called.attributes,
      process: { pid, service: 'gateway', model: 'threads' },
      verdict: { kind: 'joined', rule: 'parent_thread', needed: null },
      cause: { scope: { kind: 'thread', pid, tid: expect.any(Number) }, request: { spanId: entered.spanId, readBy: { pid } } },
    },
  ]);
  const [joined] = byThread.spans;
  expect(joined?.cause.request?.readBy?.tid).toBe(joined?.cause.scope?.tid);
  expect(byThread.parents).toMatchObject([{ spanId: entered.spanId, verdict: { kind: 'root' } }]);
  // the difference between the two spans' beginnings, as the exporter has them
  const between = Number(BigInt(called.startTimeUnixNano) - BigInt(entered.startTimeUnixNano)) / 1e6;
  expect(Math.abs((joined?.cause.request?.began.beforeMs ?? Number.NaN) - between)).toBeLessThan(0.01);

  const started = (await explained(spanOf(obi, 'fanout', CLIENT).spanId)).spans[0];
  const { scope, scopeStarted, request } = started?.cause ?? {};
  expect(started?.verdict).toMatchObject({ kind: 'joined', rule: 'parent_inherited' });
  expect(scope?.tid).not.toBe(request?.readBy?.tid);
  expect(request?.began.beforeMs).toBeGreaterThan(scopeStarted?.beforeMs ?? Number.NaN);
  expect(scopeStarted?.beforeMs).toBeGreaterThan(0);

  const orphan = spanOf(obi, 'node', CLIENT);
  const served = spanOf(obi, 'node', SERVER);
  expect((await explained(orphan.spanId)).spans).toMatchObject([
    {
      parentSpanId: null,
      process: { pid: node.proc.pid, model: 'multiplexed', runtime: null },
      verdict: { kind: 'orphan', rule: 'orphan_multiplexed', needed: expect.stringContaining('@obi/probe-node') },
      cause: { request: null, meanwhile: { count: 1, first: [{ spanId: served.spanId, traceId: entered.traceId, name: served.name }] } },
    },
  ]);
  // from the other end: where the trace stops, its last request names what it lost
  expect((await explained(served.spanId)).spans).toMatchObject([
    {
      verdict: { kind: 'incoming' },
      parentSpanId: called.spanId,
      cause: { meanwhile: { count: 1, first: [{ spanId: orphan.spanId, traceId: orphan.traceId }] } },
    },
  ]);

  const { code, stdout } = await explain(entered.traceId);
  expect(code).toBe(0);
  const lines = stdout.split('\n');
  expect(lines[0]).toBe(`trace ${entered.traceId}: 3 spans of 2 processes`);
  for (const [index, { spanId }] of [entered, called, served].entries()) expect(lines[index + 1]).toContain(spanId);
  expect(lines[3]).toContain(`sent by its process meanwhile, without a parent: ${orphan.spanId}`);
  // a whole traceparent, as it stands in a log of the application
  const told = await explain(`00-${called.traceId}-${called.spanId}-01`);
  expect(told.stdout).toContain(`parent   ${entered.spanId}  server GET /one, gateway (pid ${pid})`);
});

testUnless(missing('asyncio') ?? missing('nginx'))('what runtime probes and proxies say: declared, announced, noted', async () => {
  const leaf = await startService(sandbox, 'python', { name: 'leaf' });
  const node = await startService(sandbox, 'node', { name: 'node', downstream: [leaf] });
  const nginx = await startService(sandbox, 'nginx', { downstream: [node] });
  const loop = await startService(sandbox, 'asyncio', { name: 'loop', downstream: [nginx] });
  const services = [loop, nginx, node, leaf];
  const plugins = ['http', ...['node', 'python'].map((id) => path.join(root, `packages/probe-${id}`))].join(',');
  const obi = await Obi.start(sandbox, { plugins, ports: portsOf(services), env: { OTEL_EBPF_EXPLAIN_DIRECTORY: directory } });
  await fetchIn(sandbox, `${loop.url}/one`);
  expect(await obi.waitForSpans(7)).toHaveLength(7);

  const rules = { loop: 'parent_declared', nginx: 'parent_proxy', node: 'parent_announced' } as const;
  for (const [service, rule] of Object.entries(rules)) {
    const entered = spanOf(obi, service, SERVER);
    const called = spanOf(obi, service, CLIENT);
    const [span] = (await explained(called.spanId)).spans;
    expect(span).toMatchObject({
      parentSpanId: entered.spanId,
      verdict: { kind: 'joined', rule, needed: null },
      cause: { request: { spanId: entered.spanId } },
    });
    // A task of asyncio is a scope of its own, neither the thread nor without a name.
    if (rule === 'parent_declared') expect(span?.cause.scope).toMatchObject({ kind: 'declared' });
  }
});

withPython('ids that lead nowhere: exit code 1 and what to do', async () => {
  const service = await startService(sandbox, 'python', { name: 'alone' });
  const none = await explain('ab'.repeat(8));
  expect(none).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/no obi answers there.*OBI_ERR_EXPLAIN_UNREACHABLE/) });

  // so small a store that the first of these requests is gone after the last
  const obi = await startObi(sandbox, [service], { OTEL_EBPF_EXPLAIN_BUFFER_BYTES: '4096' });
  for (let request = 0; request < 30; request++) await fetchIn(sandbox, `${service.url}/${request}`);
  expect(await obi.waitForSpans(30)).toHaveLength(30);
  expect((await explain(obi.spans.at(-1)?.spanId ?? '')).code).toBe(0);
  const old = await explain(obi.spans[0]?.spanId ?? '');
  expect(old.code).toBe(1);
  expect(old.stderr).toMatch(/is in no record of obi \d+ \(\d+ records, reaching back .*explain\.buffer_bytes.*OBI_ERR_EXPLAIN_UNKNOWN/);
  expect(await explain('not-an-id')).toMatchObject({ code: 1, stderr: expect.stringContaining('OBI_ERR_EXPLAIN_ID') });
});

withPython('two obi are both asked; what a killed one leaves does no harm; the socket is for one user only, and goes with obi', async () => {
  await using other = await Sandbox.create({ netns: true, name: 'obi-second' });
  const services = [await startService(sandbox, 'python', { name: 'first' }), await startService(other, 'python', { name: 'second' })] as const;
  const first = await startObi(sandbox, [services[0]]);
  const second = await startObi(other, [services[1]]);
  for (const [where, service, obi] of [
    [sandbox, services[0], first],
    [other, services[1], second],
  ] as const) {
    await fetchIn(where, `${service.url}/x`);
    await obi.waitForSpans(1);
  }
  const sockets = () => readdirSync(directory).sort();
  const nameOf = (obi: Obi) => `${obi.proc.pid}.sock`;
  expect(sockets()).toEqual([nameOf(first), nameOf(second)].sort());
  for (const name of sockets()) expect(statSync(path.join(directory, name)).mode & 0o777).toBe(0o600);

  const id = spanOf(second, 'second', SERVER).spanId;
  expect((await explained(id)).obi.pid).toBe(second.proc.pid);
  expect((await explain('--pid', String(second.proc.pid), id)).code).toBe(0);
  const wrong = await explain('--pid', String(first.proc.pid), id);
  expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining(`no record of obi ${first.proc.pid}`) });

  await first.stop('SIGKILL');
  expect(sockets()).toContain(nameOf(first));
  expect((await explained(id)).obi.pid).toBe(second.proc.pid);
  const next = await startObi(sandbox, [services[0]]);
  expect(sockets()).toEqual([nameOf(next), nameOf(second)].sort());
  expect((await second.stop()).code).toBe(0);
  expect((await next.stop()).code).toBe(0);
  expect(sockets()).toEqual([]);
});

withPython('turned off, or without a place for the socket, obi traces as before', async () => {
  const service = await startService(sandbox, 'python', { name: 'quiet' });
  const off = await startObi(sandbox, [service], { OTEL_EBPF_EXPLAIN_BUFFER_BYTES: '0' });
  expect(readdirSync(directory)).toEqual([]);
  await off.stop();
  const homeless = await startObi(sandbox, [service], { OTEL_EBPF_EXPLAIN_DIRECTORY: '/proc/nowhere' });
  expect(homeless.proc.tail()).toContain('`obi explain` gets no answer from this run');
  await fetchIn(sandbox, `${service.url}/x`);
  expect(await homeless.waitForSpans(1)).toHaveLength(1);
  expect((await homeless.stop()).code).toBe(0);
});

testUnless(lacking('go'))('a call inside a span that the program made itself, and that span', async () => {
  const leaf = await startService(sandbox, 'node', { name: 'leaf' });
  const service = await sandbox.start('auto-sdk', [autoSdkService()], { env: { NEXT: leaf.url } });
  const port = Number((await service.line(/^listening (\d+)$/))[1]);
  const plugins = `http,${path.join(root, 'packages/probe-go')}`;
  const obi = await Obi.start(sandbox, { plugins, ports: [port], env: { OTEL_EBPF_EXPLAIN_DIRECTORY: directory } });
  await fetchIn(sandbox, `http://127.0.0.1:${port}/call?n=1`);
  expect(await obi.waitForSpans(7)).toHaveLength(7);
  const own = obi.spans.find(({ name }) => name === 'outer 1');
  const called = obi.spans.find(({ attributes }) => String(attributes['url.full']).endsWith('/inside-1'));
  const [call] = (await explained(called?.spanId ?? '')).spans;
  expect(call).toMatchObject({
    parentSpanId: own?.spanId,
    verdict: { kind: 'joined', rule: 'parent_span' },
    cause: { request: { spanId: own?.spanId, readBy: { kind: 'declared' } } },
  });
  const [made] = (await explained(own?.spanId ?? '')).spans;
  const request = obi.spans.find(({ kind }) => kind === SERVER);
  expect(made).toMatchObject({ kind: 'internal', name: 'outer 1', parentSpanId: request?.spanId, verdict: { kind: 'joined', rule: 'parent_declared' } });
  // Its times are the program's, of the other clock.
  expect(Math.abs(Date.parse(made?.began ?? '') - Number(BigInt(own?.startTimeUnixNano ?? 0) / 1_000_000n))).toBeLessThan(50);
});
