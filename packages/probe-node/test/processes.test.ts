// SPDX-License-Identifier: Apache-2.0
/** What is read of processes, on processes of the test's own: no kernel programs, no root. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { installedNodeVersions } from '../../../tests/harness/node-versions.mjs';
import { whyNotNode } from '../src/identify.js';
import { ownListeners } from '../src/listeners.js';
import { mappedCodeAt, readStatus, startTimeOf } from '../src/process-status.js';
import { mayBeSignalled } from '../src/signal-check.js';
import { Turns } from '../src/turns.js';

const binaries = [...installedNodeVersions().map(({ binary }) => binary), process.execPath];

test.each(binaries)('%s is Node.js', async (binary) => {
  const child = spawn(binary, ['-e', 'setInterval(() => {}, 1000)']);
  await once(child, 'spawn');
  try {
    expect(whyNotNode(child.pid ?? 0)).toBeUndefined();
  } finally {
    child.kill();
  }
});

test('another program is not, nor one that has ended', async () => {
  const child = spawn('sleep', ['10']);
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  expect(whyNotNode(pid)).toMatch(/sleep.* is not Node\.js/);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(whyNotNode(pid)).toMatch(/no executable/);
  expect(startTimeOf(pid)).toBeUndefined();
  expect(mayBeSignalled(pid, () => undefined)).toEqual({ may: false, reason: 'it has ended' });
});

test('listening sockets are those of the process itself', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  expect(ownListeners(process.pid)).toContainEqual(expect.objectContaining({ port, isLoopback: true, family: 4 }));
  const child = spawn('sleep', ['10']);
  await once(child, 'spawn');
  expect(ownListeners(child.pid ?? 0)).toEqual([]);
  child.kill();
  server.close();
});

describe('a signal is sent only where Node itself handles it', () => {
  const child = spawn(process.execPath, ['-e', 'console.log("up"); setInterval(() => {}, 1000)']);
  const pid = child.pid ?? 0;
  beforeAll(() => once(child.stdout, 'data'));
  afterAll(() => child.kill('SIGKILL'));
  // Any address in its own program's code.
  const ownCode = () => {
    for (const line of require('node:fs').readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n'))
      if (/ r-xp .*\/node$/.test(line)) return BigInt(`0x${line.split('-')[0]}`) + 64n;
    throw new Error('no code found');
  };

  test('its own code, without SA_RESTART', () => {
    expect(mappedCodeAt(pid, ownCode())).toMatch(/\/node$/);
    expect(mayBeSignalled(pid, () => ({ address: ownCode(), flags: 0x4000000n }))).toEqual({ may: true });
  });
  test('with SA_RESTART it is libuv, for the application', () =>
    expect(mayBeSignalled(pid, () => ({ address: ownCode(), flags: 0x14000000n }))).toMatchObject({ may: false, reason: expect.stringContaining('itself') }));
  test('code of another file', () =>
    expect(mayBeSignalled(pid, () => ({ address: 1n, flags: 0n }))).toMatchObject({ may: false, reason: expect.stringContaining('outside any file') }));
  test('stopped', async () => {
    child.kill('SIGSTOP');
    while (readStatus(pid)?.state !== 'T') await new Promise((resolve) => setTimeout(resolve, 5));
    expect(mayBeSignalled(pid, () => ({ address: ownCode(), flags: 0n }))).toMatchObject({ may: false, reason: expect.stringContaining('stopped') });
    child.kill('SIGCONT');
  });
});

test('turns: one at a time, a failure ends only its own', async () => {
  const turns = new Turns();
  const order: string[] = [];
  const signal = new AbortController().signal;
  const task = (name: string, fails = false) =>
    turns.take(process.pid, signal, async () => {
      order.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 5));
      order.push(`${name} ends`);
      if (fails) throw new Error(name);
    });
  const results = await Promise.allSettled([task('a', true), task('b'), turns.take(process.pid, AbortSignal.abort(), async () => order.push('never'))]);
  expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected']);
});
