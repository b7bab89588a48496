// SPDX-License-Identifier: Apache-2.0
import type { LoadedObject, MapHandle } from '../../src/kernel/kernel.js';
import type { ProcessMap } from '../../src/lifecycle/process-map.js';
import { Runtimes } from '../../src/lifecycle/runtimes.js';
import { silentLogger } from '../../src/logging/silent-logger.js';
import type { RuntimeDriver, RuntimeKernel, RuntimeOutcome } from '../../src/probe/runtime.js';
import type { TracedProcess } from '../../src/process/index.js';

const SLOT = 5;
const process = (pid: number, exe = '/usr/bin/node') =>
  ({
    pid,
    startTime: 1,
    exe,
    cmdline: [exe],
    executionModel: 'multiplexed',
    resource: { id: pid, attributes: { 'service.name': 'a' } },
  }) as unknown as TracedProcess;
const settled = () => new Promise((resolve) => setImmediate(resolve));

class Driver implements RuntimeDriver {
  readonly calls: string[] = [];
  readonly aborted: number[] = [];
  kernel!: RuntimeKernel;
  outcome: (pid: number) => Promise<RuntimeOutcome> = async () => ({ state: 'scoped' });

  appliesTo({ exe }: TracedProcess): boolean {
    return exe.endsWith('node');
  }

  attach({ pid, exe }: TracedProcess, kernel: RuntimeKernel, signal: AbortSignal): Promise<RuntimeOutcome> {
    this.calls.push(`attach ${pid} ${exe}`);
    this.kernel = kernel;
    signal.addEventListener('abort', () => this.aborted.push(pid));
    return this.outcome(pid);
  }

  async detach({ pid }: TracedProcess): Promise<void> {
    this.calls.push(`detach ${pid}`);
  }
}

function setUp() {
  const driver = new Driver();
  const slots: [number, number][] = [];
  const chains = new Map<string, Buffer>();
  const uprobes: string[] = [];
  const chainMap = {
    update: (key: Uint8Array, value: Uint8Array) => void chains.set(Buffer.from(key).toString('hex'), Buffer.from(value)),
    delete: (key: Uint8Array) => chains.delete(Buffer.from(key).toString('hex')),
  } as unknown as MapHandle;
  const object = {
    attachUprobe: (program: string, options: { pid?: number }) => {
      uprobes.push(`${program} in ${options.pid}`);
      return { [Symbol.dispose]: () => uprobes.push(`no ${program} in ${options.pid}`) };
    },
  } as unknown as LoadedObject;
  const runtimes = new Runtimes(
    { setRuntime: (pid: number, slot: number) => void slots.push([pid, slot]) } as unknown as ProcessMap,
    () => chainMap,
    silentLogger,
  );
  runtimes.add('node', SLOT, driver, object, silentLogger);
  return { driver, runtimes, slots, chains, uprobes };
}

test('a process is served by the driver that applies, and by none otherwise', async () => {
  const { driver, runtimes, slots } = setUp();
  runtimes.selected(process(1));
  runtimes.selected(process(2, '/usr/bin/ruby'));
  runtimes.selected(process(1));
  await settled();
  expect(driver.calls).toEqual(['attach 1 /usr/bin/node']);
  expect(slots).toEqual([[1, SLOT]]);
  expect(runtimes.status()).toEqual({ node: { scoped: 1, refused: {} } });
});

test('another program in the same process is looked at anew', async () => {
  const { driver, runtimes, slots } = setUp();
  runtimes.selected(process(1));
  await settled();
  runtimes.selected(process(1, '/usr/bin/ruby'));
  runtimes.selected(process(1, '/opt/node'));
  await settled();
  expect(driver.calls).toEqual(['attach 1 /usr/bin/node', 'attach 1 /opt/node']);
  expect(slots).toEqual([
    [1, SLOT],
    [1, 0],
    [1, SLOT],
  ]);
  expect(runtimes.status()['node']?.scoped).toBe(1);
});

test('refusals and failures are counted by reason, and leave nothing in the kernel', async () => {
  const { driver, runtimes, slots, chains, uprobes } = setUp();
  driver.outcome = async (pid) => {
    driver.kernel.setChain({ base: 0x1000n, offsets: [8, -16], fromThreadPointer: true });
    driver.kernel.uprobe('started', { path: '/x', offset: 1 });
    if (pid === 3) throw new Error('it has no symbols');
    return { state: 'refused', reason: 'it handles SIGUSR1 itself' };
  };
  for (const pid of [1, 2, 3]) runtimes.selected(process(pid));
  await settled();
  expect(runtimes.status()).toEqual({ node: { scoped: 0, refused: { 'it handles SIGUSR1 itself': 2, 'it has no symbols': 1 } } });
  expect(slots).toEqual([]);
  expect(chains.size).toBe(0);
  expect(uprobes.filter((line) => line.startsWith('no '))).toEqual(['no started in 1', 'no started in 2', 'no started in 3']);
});

test('a chain is written as the kernel reads it', async () => {
  const { driver, runtimes, chains } = setUp();
  runtimes.selected(process(0x0102));
  driver.kernel.setChain({ base: 0x7fff_0000_1234n, offsets: [8, -16] });
  const [[key, value] = []] = chains;
  expect(key).toBe('02010000');
  expect(value).toHaveLength(40);
  expect([value?.readBigUInt64LE(0), value?.readInt32LE(8), value?.readInt32LE(12), value?.readUInt8(32), value?.readUInt8(33)]).toEqual([
    0x7fff_0000_1234n,
    8,
    -16,
    2,
    0,
  ]);
  expect(() => driver.kernel.setChain({ base: 0n, offsets: [1, 2, 3, 4, 5, 6, 7] })).toThrow(/1 to 6 steps, not 7/);
});

test('a process that ends is forgotten at once; one that is deselected, or outlives obi, is undone', async () => {
  const { driver, runtimes, slots } = setUp();
  for (const pid of [1, 2, 3]) runtimes.selected(process(pid));
  await settled();
  runtimes.deselected(1, true);
  runtimes.deselected(2, false);
  await settled();
  await runtimes.stop();
  expect(driver.calls.filter((call) => call.startsWith('detach'))).toEqual(['detach 2', 'detach 3']);
  expect(slots.slice(3)).toEqual([
    [1, 0],
    [2, 0],
    [3, 0],
  ]);
  runtimes.selected(process(4));
  expect(driver.calls).not.toContain('attach 4 /usr/bin/node');
});

test('a process that ends while it is being set up is told so, and not counted', async () => {
  const { driver, runtimes, slots } = setUp();
  let finish = (_: RuntimeOutcome) => {};
  driver.outcome = () => new Promise((resolve) => (finish = resolve));
  runtimes.selected(process(1));
  runtimes.deselected(1, true);
  finish({ state: 'scoped' });
  await settled();
  expect(driver.aborted).toEqual([1]);
  expect(slots).toEqual([]);
  expect(runtimes.status()['node']).toEqual({ scoped: 0, refused: {} });
});

test('what is made of one process: nothing, being set up, served, refused with the reason', async () => {
  const { driver, runtimes } = setUp();
  driver.outcome = async (pid) => (pid === 1 ? { state: 'scoped' } : { state: 'refused', reason: 'no symbols' });
  for (const pid of [1, 2]) runtimes.selected(process(pid));
  expect(runtimes.of(1)).toEqual({ probe: 'node', state: 'attaching' });
  await settled();
  expect([1, 2, 3].map((pid) => runtimes.of(pid))).toEqual([
    { probe: 'node', state: 'scoped' },
    { probe: 'node', state: 'refused', reason: 'no symbols' },
    undefined,
  ]);
  runtimes.deselected(1, true);
  expect(runtimes.of(1)).toBeUndefined();
});
