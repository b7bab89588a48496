// SPDX-License-Identifier: Apache-2.0
// What comes and goes by the thousand (processes, threads, tasks, connections, requests) leaves nothing in the kernel's tables while the service lives on, and the
// service's end leaves nothing at all. OBI_CHURN: how many of each, default 1000 (100 000 for the record).
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Obi } from '../harness/obi.mjs';
import { askIn, startLeaves, startMiddle } from '../harness/parents.mjs';
import { certificate, goMiddle, lacking } from '../harness/parents-middles.mjs';
import { patience } from '../harness/proc.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { startService, which } from '../harness/services.mjs';
import { testUnless } from './support/chain.js';
import { root } from './support/features.js';
import { type Sizes, sizesOf, sizesUntil } from './support/tables.js';

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
  'obi_plain_calls',
  'py_threads',
  'py_items',
  'go_settings',
  'go_roles',
  'go_items',
  'go_clients',
  'go_writes',
] as const;
type Table = (typeof TABLES)[number];

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-churn' });
});
afterEach(() => sandbox.dispose());

const none = <T extends Table>(tables: readonly T[]): Sizes<T> => Object.fromEntries(tables.map((name) => [name, 0])) as Sizes<T>;

/** Looks until the tables are as `wanted`: a kernel takes its time with connections in FIN_WAIT. */
const settled = <T extends Table>(obi: Obi, wanted: Sizes<T>): Promise<Sizes<T>> =>
  sizesUntil(obi.proc.pid, Object.keys(wanted) as T[], (sizes) => isDeepStrictEqual(sizes, wanted));

/** The largest sizes seen while `work` goes on. */
async function peakWhile<T extends Table>(obi: Obi, tables: readonly T[], work: Promise<unknown>): Promise<Sizes<T>> {
  const peak = none(tables);
  let goesOn = true;
  const end = work.finally(() => {
    goesOn = false;
  });
  while (goesOn) {
    for (const [name, size] of Object.entries<number>(sizesOf(obi.proc.pid, tables)) as [T, number][]) peak[name] = Math.max(peak[name], size);
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
  const obi = await Obi.start(sandbox, { plugins: ['http', ...['node', 'python', 'go'].map((id) => path.join(root, `packages/probe-${id}`))].join(',') });
  const get = (what: string) => sandbox.run('get', [process.execPath, path.join(root, 'tests/harness/get.mjs'), `http://127.0.0.1:${port}${what}`]);

  // One of each kind first: an event loop, for example, keeps what it has made once.
  for (const what of ['processes', 'threads', 'tasks', 'calls']) await get(`/${what}?n=1&port=${leaf.port}`);
  const before = { ...sizesOf(obi.proc.pid, TABLES), obi_connections: 0, obi_requests: 0, http_conns: 0, http_exchanges: 0 };
  const begun = await settled(obi, before);

  const grows = { processes: 'obi_processes', threads: 'obi_scopes', tasks: 'obi_declared', calls: 'obi_connections' } as const;
  for (const [what, table] of Object.entries(grows)) {
    const peak = await peakWhile(obi, TABLES, get(`/${what}?n=${N}&port=${leaf.port}`));
    // Or its being as before would say nothing.
    expect([what, peak[table] > begun[table]]).toEqual([what, true]);
    expect([what, await settled(obi, begun)]).toEqual([what, begun]);
  }
  await proc.stop();
  await leaf.proc.stop();
  expect(await settled(obi, none(TABLES))).toEqual(none(TABLES));
  // Those that were on their way are flushed.
  const { code, spans } = await obi.stop();
  // obi's own words about what it lost say more than a number that is too small.
  const complaints = obi.proc.lines.filter(({ stream, text }) => stream === 'stderr' && /"level":"(WARN|ERROR)"|\blost\b/.test(text)).map(({ text }) => text);
  expect({ code, clients: spans.filter(({ kind }) => kind === 3).length, complaints }).toEqual({ code: 0, clients: N + 1, complaints: [] });
});

testUnless(lacking('go'))('goroutines, items in channels and TLS connections of Go', async () => {
  // Collects garbage often: its workers are goroutines that stay, started by whatever request comes first.
  const tls = certificate();
  const env = { ...tls, POOL: '8', BUFFER: '64', LAZY: '1', GOGC: '10' };
  const middle = await startMiddle(sandbox, 'churn', [goMiddle()], await startLeaves(sandbox, 2, tls), env);
  const obi = await Obi.start(sandbox, { plugins: `http,${path.join(root, 'packages/probe-go')}`, ports: [middle.port] });
  const go = ['go_settings', 'go_roles', 'go_items', 'go_clients', 'go_writes'] as const;
  const tables = [...go, 'obi_declared', 'obi_connections', 'obi_plain_calls', 'http_conns', 'http_exchanges'] as const;
  // New connections: each has two goroutines in the server and three in the client.
  const ask = (requests: number) => askIn(sandbox, middle.url, { requests, concurrency: 50, keepAlive: false });

  await ask(200);
  const wanted = { ...none(tables), go_settings: 1, obi_declared: sizesOf(obi.proc.pid, tables).obi_declared };
  const begun = await settled(obi, wanted);
  expect(begun).toEqual(wanted);
  const asked = ask(N);
  const peak = await peakWhile(obi, tables, asked);
  expect((await asked).errors).toEqual([]);
  // Or their being as before would say nothing. (What is on its way for some µs is seldom met.)
  for (const table of tables.filter((name) => !['go_settings', 'go_writes', 'obi_plain_calls'].includes(name)))
    expect([table, peak[table] > begun[table]]).toEqual([table, true]);
  expect(await settled(obi, begun)).toEqual(begun);

  // Killed in the middle of work: nobody says goodbye, and user space tidies up.
  const left = ask(N).catch(() => undefined);
  await delay(500);
  await middle.proc.stop('SIGKILL');
  await left;
  expect(await settled(obi, none(tables))).toEqual(none(tables));
  expect((await obi.stop()).code).toBe(0);
});
