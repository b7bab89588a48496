// SPDX-License-Identifier: Apache-2.0
// What comes and goes by the thousand (processes, threads, tasks, connections, requests) leaves nothing in the kernel's tables while the service lives on, and the
// service's end leaves nothing at all. OBI_CHURN: how many of each, default 1000 (100 000 for the record).
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Obi } from '../harness/obi.mjs';
import { patience } from '../harness/proc.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { startService, which } from '../harness/services.mjs';
import { testUnless } from './support/chain.js';
import { root } from './support/features.js';
import { keysOf } from './support/tables.js';

const N = Number(process.env.OBI_CHURN ?? (process.env.OBI_VM ? 200 : 1000));
const python = which('/usr/bin/python3', 'python3');
jest.setTimeout((120_000 + N * 30) * patience);

const TABLES = [
  'obi_processes',
  'obi_scopes',
  'obi_declared',
  'obi_chains',
  'obi_requests',
  'obi_loads',
  'obi_connections',
  'http_conns',
  'http_exchanges',
  'py_threads',
  'py_items',
] as const;
type Sizes = Record<(typeof TABLES)[number], number>;

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-churn' });
});
afterEach(() => sandbox.dispose());

const sizesOf = (obi: Obi): Sizes => Object.fromEntries(Object.entries(keysOf(obi.proc.pid, TABLES)).map(([name, keys]) => [name, keys.length])) as Sizes;
const NONE = Object.fromEntries(TABLES.map((name) => [name, 0])) as Sizes;

/** Looks until the tables are as `wanted`, 15 s at most: a kernel takes its time with connections in FIN_WAIT. */
async function settled(obi: Obi, wanted: Sizes): Promise<Sizes> {
  for (const end = Date.now() + 15_000 * patience; ; await delay(200)) {
    const sizes = sizesOf(obi);
    if (JSON.stringify(sizes) === JSON.stringify(wanted) || Date.now() > end) return sizes;
  }
}

/** The largest sizes seen while `work` goes on. */
async function peakWhile(obi: Obi, work: Promise<unknown>): Promise<Sizes> {
  const peak = { ...NONE };
  let goesOn = true;
  const end = work.finally(() => {
    goesOn = false;
  });
  while (goesOn) {
    for (const [name, size] of Object.entries(sizesOf(obi)) as [keyof Sizes, number][]) peak[name] = Math.max(peak[name], size);
    await delay(50);
  }
  await end;
  return peak;
}

testUnless(python ? undefined : 'python3 is missing')('processes, threads, tasks and connections', async () => {
  const leaf = await startService(sandbox, 'node', { name: 'leaf' });
  const script = path.join(root, 'tests/workloads/churn/churn.py');
  const proc = await sandbox.start('churn', [python as string, script], { env: { OTEL_SERVICE_NAME: 'churn' } });
  const [, port] = await proc.line(/^listening (\d+)$/);
  const obi = await Obi.start(sandbox, { plugins: ['http', ...['node', 'python'].map((id) => path.join(root, `packages/probe-${id}`))].join(',') });
  const get = (what: string) => sandbox.run('get', [process.execPath, path.join(root, 'tests/harness/get.mjs'), `http://127.0.0.1:${port}${what}`]);

  // One of each kind first: an event loop, for example, keeps what it has made once.
  for (const what of ['processes', 'threads', 'tasks', 'calls']) await get(`/${what}?n=1&port=${leaf.port}`);
  const before = { ...sizesOf(obi), obi_connections: 0, obi_requests: 0, http_conns: 0, http_exchanges: 0 };
  const begun = await settled(obi, before);

  const grows = { processes: 'obi_processes', threads: 'obi_scopes', tasks: 'obi_declared', calls: 'obi_connections' } as const;
  for (const [what, table] of Object.entries(grows)) {
    const peak = await peakWhile(obi, get(`/${what}?n=${N}&port=${leaf.port}`));
    // Or its being as before would say nothing.
    expect([what, peak[table] > begun[table]]).toEqual([what, true]);
    expect([what, await settled(obi, begun)]).toEqual([what, begun]);
  }
  expect(obi.spans.filter(({ kind }) => kind === 3)).toHaveLength(N + 1);
  await proc.stop();
  await leaf.proc.stop();
  expect(await settled(obi, NONE)).toEqual(NONE);
  expect((await obi.stop()).code).toBe(0);
});
