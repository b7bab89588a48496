// SPDX-License-Identifier: Apache-2.0
// What `--plugins` loads: nothing but what the probes need, and a clear message where it cannot.
import { spawnSync } from 'node:child_process';
import { Obi, obiMain } from '../harness/obi.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { heldBy, listed, NOTHING, namesOf, remainingAfter } from './support/bpf.js';
import { testUnless } from './support/chain.js';
import { features } from './support/features.js';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-plugins' });
});
afterEach(() => sandbox.dispose());

/** What the kernel calls core's programs and the http probe's, by what the run needs them for. */
const PROGRAMS = {
  always: ['http_end', 'http_rtp', 'obi_exec', 'obi_exit', 'obi_fork', 'obi_sock_gone', 'obi_sock_state', 'obi_sys_exit'],
  tcpTap: ['http_recv', 'http_send', 'obi_tcp_recv', 'obi_tcp_recvd', 'obi_tcp_send', 'obi_tcp_sent'],
  propagation: ['http_msg', 'obi_msg', 'obi_sockops'],
};
const PROPAGATION_MAPS = ['obi_sockhash', 'sockets.rodata'];

test.each([
  ['all', true],
  ['disabled', false],
] as const)('--plugins http, propagation %s: what http needs and no more, and nothing after', async (propagation, carries) => {
  const before = new Set(listed('prog').map(({ id }) => id));
  const obi = await Obi.start(sandbox, { env: { OTEL_EBPF_BPF_CONTEXT_PROPAGATION: propagation } });
  const held = heldBy(obi.proc.pid);
  expect([...held.prog].filter((id) => before.has(id))).toEqual([]);
  const expected = [...PROGRAMS.always, ...(features().fentry ? PROGRAMS.tcpTap : []), ...(carries ? PROGRAMS.propagation : [])];
  expect(namesOf('prog', held)).toEqual(expected.sort());
  const maps = namesOf('map', held);
  for (const map of PROPAGATION_MAPS) expect({ map, there: maps.includes(map) }).toEqual({ map, there: carries });
  expect(maps).toEqual(
    expect.arrayContaining(['http_conns', 'http_exchanges', 'obi_connections', 'obi_counters', 'obi_events', 'obi_processes', 'obi_requests', 'obi_scopes']),
  );
  // What is none of core's and http's by its name: only the compiler's constants.
  expect(maps.filter((name) => !/^(obi_|http_|tcp_)/.test(name) && !/^[\w.]*\.rodata/.test(name))).toEqual([]);
  // The five task hooks, sys_exit, and sock_ops; sk_msg hangs on its map.
  expect(held.link.size).toBe(6 + (features().fentry ? 4 : 0) + (carries ? 1 : 0));
  expect(await obi.stop()).toMatchObject({ code: 0 });
  expect(await remainingAfter(held)).toEqual(NOTHING);
});

/** Runs obi to its end. */
async function ended(command: string[], env: Record<string, string> = {}): Promise<{ code: number | null; stderr: string[]; stdout: string[] }> {
  const proc = await sandbox.startOutside('obi', command, { env: { OTEL_EBPF_BPF_CGROUP_PATH: sandbox.cgroup, ...env } });
  const { code } = await proc.exited;
  const text = (stream: string) => proc.lines.filter((line) => line.stream === stream).map((line) => line.text);
  return { code, stderr: text('stderr'), stdout: text('stdout') };
}

test('--plugins with an unknown name says what is installed', async () => {
  const { code, stderr } = await ended([process.execPath, obiMain, '--plugins', 'nosuch']);
  expect(code).toBe(2);
  expect(stderr).toEqual([expect.stringMatching(/^--plugins: there is no probe "nosuch".*installed: .*\bhttp\b/)]);
  const near = await ended([process.execPath, obiMain, '--plugins', 'htpp']);
  expect(near.stderr).toEqual([expect.stringContaining('did you mean "http"?')]);
});

/** Can obi's own files be read that way? */
const reads = (options: readonly string[]) => spawnSync('setpriv', [...options, '--', 'test', '-r', obiMain]).status === 0;

describe('without rights', () => {
  const none = ['--inh-caps=-all', '--bounding-set=-all'];
  const cases: [string, string[]][] = [
    ['another user', ['--reuid', '65534', '--regid', '65534', '--clear-groups', ...none]],
    ['root without capabilities', none],
  ];
  for (const [who, options] of cases) {
    const why = reads(options) ? undefined : 'this checkout lies in a folder that other users cannot enter';
    testUnless(why)(`${who} gets a message, not a stack trace`, async () => {
      const { code, stderr, stdout } = await ended(['setpriv', ...options, '--', process.execPath, obiMain, '--plugins', 'http']);
      expect(stdout).toEqual([]);
      expect(stderr).toEqual([expect.stringMatching(/^obi: missing capabilities: CAP_BPF, CAP_PERFMON; .*\[OBI_ERR_RIGHTS\]$/)]);
      expect(code).toBe(1);
    });
  }
});
