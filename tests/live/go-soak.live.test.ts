// SPDX-License-Identifier: Apache-2.0
// Writing into a Go program whose garbage collector never rests: nothing breaks, nothing is written into anything else, nothing stays in the kernel's tables.
// OBI_SOAK: calls, default 1200 (240 in a virtual machine; 200 000 there for the record).
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Obi } from '../harness/obi.mjs';
import { certificate, lacking, soakProgram } from '../harness/parents-middles.mjs';
import { patience } from '../harness/proc.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { testUnless } from './support/chain.js';
import { features, inVm, root } from './support/features.js';
import { settledTables, sizesOf, sizesUntil } from './support/tables.js';

const CALLS = 12; // of a request: one in each way
const REQUESTS = Math.ceil(Number(process.env.OBI_SOAK ?? (inVm ? 240 : 1200)) / CALLS);
jest.setTimeout((120_000 + REQUESTS * CALLS * 20) * patience);

const TABLES = [
  'obi_requests',
  'obi_loads',
  'http_exchanges',
  'go_roles',
  'go_clients',
  'go_writes',
  'go_heads',
  'go_streams',
  'go_sending',
  'obi_plain_calls',
] as const;

interface Verdicts {
  readonly right: number;
  readonly missing: number;
  readonly doubled: number;
  readonly malformed: number;
  readonly wrong: number;
  readonly corrupted: number;
}

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-soak' });
});
afterEach(() => sandbox.dispose());

testUnless(lacking('go'))(`${REQUESTS * CALLS} calls, from goroutines that come and go`, async () => {
  const program = [soakProgram()];
  const leaf = await sandbox.startOutside('leaf', program, { env: { ROLE: 'leaf', ...certificate() } });
  const listening = () => leaf.lines.flatMap(({ text }) => /^listening (\d+)$/.exec(text)?.[1] ?? []);
  await leaf.until('it listens in plaintext and over TLS', () => listening().length === 2);
  const [plain, encrypted] = listening();
  const get = (url: string) => sandbox.run('get', [process.execPath, path.join(root, 'tests/harness/get.mjs'), url]);
  const env = { ROLE: 'caller', CALLS: `${CALLS}`, PLAIN: `http://127.0.0.1:${plain}`, TLS: `https://127.0.0.1:${encrypted}`, GOGC: '5' };
  const caller = await sandbox.start('caller', program, { env });
  const [, port] = await caller.line(/^listening (\d+)$/);
  const url = `http://127.0.0.1:${port}`;
  const obi = await Obi.start(sandbox, {
    plugins: `http,${path.join(root, 'packages/probe-go')}`,
    ports: [Number(port)],
    env: { OTEL_EBPF_TRACE_PRINTER: 'disabled', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' },
  });
  const drive = (requests: number) => sandbox.run('driver', program, { env: { ROLE: 'driver', URL: url, REQUESTS: `${requests}`, CONCURRENCY: '20' } });

  // How many connections are kept depends on how many calls met; none is when it rests.
  const rest = () => get(`${url}/rest`);
  expect(await drive(40)).toBe('done');
  await rest();
  await delay(1000 * patience);
  const before = sizesOf(obi.proc.pid, TABLES);
  const failures = (await drive(REQUESTS)).split('\n').filter((line) => line.startsWith('failed'));
  await rest();
  const after = await sizesUntil(obi.proc.pid, TABLES, (sizes) => TABLES.every((name) => sizes[name] <= before[name]));
  const seen: Record<string, Verdicts> = JSON.parse(await get(`http://127.0.0.1:${plain}/verdicts`));
  // Or nothing was soaked.
  expect(Number(await get(`${url}/collections`))).toBeGreaterThan(REQUESTS / 4);

  expect({ failures, running: caller.running }).toEqual({ failures: [], running: true });
  const inside = features().probeWriteUser;
  const each = REQUESTS + 40;
  for (const [way, { right, missing, ...faults }] of Object.entries(seen)) {
    const carried = inside || way.startsWith('plaintext');
    expect([way, right, missing]).toEqual([way, carried ? each : 0, carried ? 0 : each]);
    expect([way, faults]).toEqual([way, { doubled: 0, malformed: 0, wrong: 0, corrupted: 0 }]);
  }
  expect(Object.keys(seen)).toHaveLength(CALLS);
  for (const name of TABLES) expect([name, after[name] <= before[name]]).toEqual([name, true]);
  await caller.stop();
  expect(await settledTables(obi.proc.pid, TABLES, {})).toEqual({});
  expect((await obi.stop()).code).toBe(0);
});
