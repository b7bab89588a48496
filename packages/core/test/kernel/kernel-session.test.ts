// SPDX-License-Identifier: Apache-2.0
import { KernelSession } from '../../src/kernel/kernel-session.js';
import { FakeKernel, HASH } from './fake-kernel.js';

const request = (name: string) => ({ actor: name, name, image: new Uint8Array(0), parameters: {} });
const nobody = (error: unknown) => {
  throw error;
};

test('detach stops all programs, the last first; maps and objects stay until disposal', () => {
  const kernel = new FakeKernel();
  const session = new KernelSession(kernel);
  const tasks = session.load(request('tasks'));
  session.attach('a', 'one', () => tasks.attachRawTracepoint('one', ''));
  session.fillSlot('a', tasks, 'two', 'obi_proto_rtp', 3);
  kernel.done.length = 0;
  session.detach();
  expect(kernel.done).toEqual(['delete obi_proto_rtp 3', '-attach tasks:one']);
  expect(session.has('obi_events')).toBe(true);
  session[Symbol.dispose]();
  expect(kernel.done.slice(2)).toEqual(['-load tasks']);
});

test('what cannot be detached does not keep the rest in the kernel', () => {
  const kernel = new FakeKernel();
  const session = new KernelSession(kernel);
  const tasks = session.load(request('tasks'));
  for (const program of ['one', 'two']) session.attach('a', program, () => tasks.attachRawTracepoint(program, ''));
  kernel.failing.add('-attach tasks:two');
  expect(() => session.detach()).toThrow('could not be detached');
  expect(kernel.done).toContain('-attach tasks:one');
});

test('a failed attempt takes out all that it brought, with the maps that it shared, and nothing else', async () => {
  const kernel = new FakeKernel();
  kernel.maps['probe'] = [{ name: 'obi_new', type: HASH, keySize: 4, valueSize: 8, maxEntries: 16 }];
  const session = new KernelSession(kernel);
  session.load(request('tasks'));
  kernel.done.length = 0;
  const attempt = session.attempt(async () => {
    const probe = session.load(request('probe'));
    expect(session.has('obi_new')).toBe(true);
    session.attach('p', 'one', () => probe.attachRawTracepoint('one', ''));
    session.fillSlot('p', probe, 'two', 'obi_proto_end', 1);
    throw new Error('half-way');
  }, nobody);
  await expect(attempt).rejects.toThrow('half-way');
  expect(kernel.done.slice(3)).toEqual(['delete obi_proto_end 1', '-attach probe:one', '-load probe']);
  expect(session.has('obi_new')).toBe(false);
  expect(session.has('obi_events')).toBe(true);
});

test('what a failed attempt cannot take out is told; its own error stays the one that is thrown', async () => {
  const kernel = new FakeKernel();
  const session = new KernelSession(kernel);
  kernel.failing.add('-load tasks');
  const left: unknown[] = [];
  const attempt = session.attempt(
    async () => {
      session.load(request('tasks'));
      throw new Error('half-way');
    },
    (error) => left.push(error),
  );
  await expect(attempt).rejects.toThrow('half-way');
  expect(left).toHaveLength(1);
});

test.each([
  [0.125, { obi_table: 1250, own_table: 1024, small: 8 }],
  [8, { obi_table: 80_000, own_table: 65_536, small: 64 }],
  [1, {}],
])('scale %d changes the hash tables of every object, shared or not', (scale, resized) => {
  const map = (name: string, type: number, maxEntries: number) => ({ name, type, keySize: 4, valueSize: 8, maxEntries });
  const kernel = new FakeKernel();
  kernel.maps['a'] = [map('obi_table', HASH, 10_000), map('array', 2, 100)];
  kernel.maps['b'] = [map('obi_table', HASH, 10_000), map('own_table', HASH, 8192), map('small', HASH, 8)];
  const session = new KernelSession(kernel, scale);
  session.load(request('a'));
  session.load(request('b'));
  expect(kernel.resized).toEqual(resized);
});
