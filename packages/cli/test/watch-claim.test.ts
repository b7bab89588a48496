// SPDX-License-Identifier: Apache-2.0
/** Two obi over folders that lie in each other as cgroups do: the ids are inode numbers there too. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { claimWatch } from '../src/watch-claim.js';

let folder: string;
let children: ChildProcess[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'obi-claim-'));
  mkdirSync(join(folder, 'shop/cart/deep'), { recursive: true });
  mkdirSync(join(folder, 'shopping'));
  chmodSync(folder, 0o755);
  children = [];
});
afterEach(async () => {
  await Promise.all(children.map(end));
  rmSync(folder, { recursive: true });
});

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** Claims in a process of its own. @param wrap command line in front of it @param first statements before the claim */
async function other(cgroup: string, wrap: readonly string[] = [], first = ''): Promise<ChildProcess> {
  const module = JSON.stringify(join(__dirname, '../src/watch-claim.ts'));
  const script = `const { claimWatch } = await import(${module}); ${first} await claimWatch(${JSON.stringify(join(folder, cgroup))}); console.log('claimed'); setInterval(() => {}, 1e6);`;
  const [command = '', ...args] = [...wrap, process.execPath, '--no-warnings', '--experimental-strip-types', '--input-type=module', '-e', script];
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const claimed = once(child.stdout as NonNullable<typeof child.stdout>, 'data');
  const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`it ended with ${code}`)));
  ended.catch(() => undefined);
  await Promise.race([claimed, ended]);
  return child;
}

async function othersOf(cgroup: string): Promise<number[]> {
  using claim = await claimWatch(join(folder, cgroup));
  return claim.others().map(({ pid }) => pid);
}

test.each([
  ['the same cgroup', 'shop', 'shop', true],
  ['one above', 'shop', 'shop/cart/deep', true],
  ['one below', 'shop/cart', 'shop', true],
  ['one beside it', 'shop', 'shopping', false],
])('%s', async (_what, theirs, ours, overlap) => {
  const child = await other(theirs);
  expect(await othersOf(ours)).toEqual(overlap ? [child.pid] : []);
});

test('nothing is left of one that was killed', async () => {
  await end(await other('shop'));
  expect(await othersOf('shop')).toEqual([]);
});

test('a claim ends with its disposal, and does not see itself', async () => {
  expect(await othersOf('shop')).toEqual([]);
  expect(await othersOf('shop')).toEqual([]);
});

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn('skipped: network namespaces and other users need root');
(isRoot ? describe : describe.skip)('as root', () => {
  test('one in another network namespace is seen', async () => {
    const child = await other('shop', ['unshare', '--net', '--']);
    expect(await othersOf('shop/cart')).toEqual([child.pid]);
  });

  test('a name that a user without rights took is not believed', async () => {
    // Not another user's from the start: that one may not be able to enter this checkout.
    const child = await other('shop', [], 'process.setgroups([]); process.setgid(65534); process.setuid(65534);');
    expect(child.exitCode).toBeNull();
    expect(await othersOf('shop')).toEqual([]);
  });
});

test('deep cgroups fit into a name', async () => {
  const deep = `shop/${'d/'.repeat(60)}`;
  mkdirSync(join(folder, deep), { recursive: true });
  const child = await other(deep);
  expect(await othersOf(deep)).toEqual([child.pid]);
  expect(await othersOf('shop')).toEqual([child.pid]);
});

test('a name that is no claim is none', async () => {
  const server = createServer().listen('\0obi:watch:x');
  await once(server, 'listening');
  expect(await othersOf('shop')).toEqual([]);
  server.close();
});
