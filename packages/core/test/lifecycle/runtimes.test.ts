// SPDX-License-Identifier: Apache-2.0
import type { LoadedObject, MapHandle } from '../../src/kernel/kernel.js';
import type { ProcessMap } from '../../src/lifecycle/process-map.js';
import { Runtimes } from '../../src/lifecycle/runtimes.js';
import type { Logger } from '../../src/logging/logger.js';
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

/** @param lives what is said when it is asked whether a process still runs its program. */
function setUp(lives: (process: TracedProcess) => boolean = () => true, first: RuntimeDriver[] = []) {
  const driver = new Driver();
  const errors: string[] = [];
  const log: Logger = { ...silentLogger, error: (message) => void errors.push(message) };
  const slots: [number, number][] = [];
  const chains = new Map<string, Buffer>();
  const uprobes: string[] = [];
  const chainMap = {
    update: (key: Uint8Array, value: Uint8Array) => void chains.set(Buffer.from(key).toString('hex'), Buffer.from(value)),
    delete: (key: Uint8Array) => chains.delete(Buffer.from(key).toString('hex')),
  } as unknown as MapHandle;
  const object = {
    programs: [{ name: 'started' }],
    attachUprobe: (program: string, options: { pid?: number }) => {
      uprobes.push(`${program} in ${options.pid}`);
      return { [Symbol.dispose]: () => uprobes.push(`no ${program} in ${options.pid}`) };
    },
  } as unknown as LoadedObject;
  const runtimes = new Runtimes(
    { setRuntime: (pid: number, slot: number) => void slots.push([pid, slot]) } as unknown as ProcessMap,
    () => chainMap,
    silentLogger,
    lives,
  );
  first.forEach((other, index) => {
    runtimes.add(`other${index}`, 10 + index, other, object, log);
  });
  runtimes.add('node', SLOT, driver, object, silentLogger);
  return { driver, runtimes, slots, chains, uprobes, errors };
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

test('a driver is told which programs are there', async () => {
  const { driver, runtimes } = setUp();
  runtimes.selected(process(1));
  expect([driver.kernel.has('started'), driver.kernel.has('left_out')]).toEqual([true, false]);
});

test('a chain is written as the kernel reads it', async () => {
  const { driver, runtimes, chains } = setUp();
  runtimes.selected(process(0x0102));
  driver.kernel.setChain({ base: 0x7fff_0000_1234n, offsets: [8, -16] });
  const [[key, value] = []] = chains;
  expect(key).toBe('02010000');
  expect(value).toHaveLength(40);
  expect([value?.readBigUInt64LE(0), value?.readInt32LE(8), value?.readInt32LE(12)]).toEqual([0x7fff_0000_1234n, 8, -16]);
  expect([...(value?.subarray(32) ?? [])]).toEqual([2, 0, 0, 0, 0, 0, 0, 0]);
  driver.kernel.setChain({ base: -8n, offsets: [0], fromThreadPointer: true, exhaustive: true });
  expect([...([...chains.values()][0]?.subarray(32) ?? [])]).toEqual([1, 1, 1, 0, 0, 0, 0, 0]);
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

describe('the same program executed again', () => {
  test('is set up anew: the kernel has taken back runtime and chain', async () => {
    const { driver, runtimes, slots } = setUp();
    runtimes.selected({ ...process(1), execs: 0 });
    await settled();
    runtimes.selected({ ...process(1), execs: 1 });
    runtimes.selected({ ...process(1), execs: 1 });
    await settled();
    expect(driver.calls).toEqual(['attach 1 /usr/bin/node', 'attach 1 /usr/bin/node']);
    expect(slots).toEqual([
      [1, SLOT],
      [1, 0],
      [1, SLOT],
    ]);
    expect(runtimes.status()['node']?.scoped).toBe(1);
  });

  test('while the first is being set up: the driver comes to its end before it is asked again', async () => {
    const { driver, runtimes, slots } = setUp();
    let finish = (_: RuntimeOutcome) => {};
    driver.outcome = () => new Promise((resolve) => (finish = resolve));
    runtimes.selected({ ...process(1), execs: 0 });
    driver.outcome = async () => ({ state: 'scoped' });
    runtimes.selected({ ...process(1), execs: 1 });
    await settled();
    expect(driver.calls).toEqual(['attach 1 /usr/bin/node']);
    expect(runtimes.of(1)).toEqual({ probe: 'node', state: 'attaching' });
    finish({ state: 'scoped' });
    await settled();
    expect(driver.calls).toEqual(['attach 1 /usr/bin/node', 'attach 1 /usr/bin/node']);
    expect(slots).toEqual([[1, SLOT]]);
    expect(runtimes.status()['node']?.scoped).toBe(1);
  });
});

describe('a driver that throws when it is asked whether it applies', () => {
  class Broken extends Driver {
    override appliesTo(): boolean {
      throw new Error('no such attribute');
    }
  }

  test('is passed over, counted once per process and logged once', async () => {
    const { driver, runtimes, errors } = setUp(undefined, [new Broken()]);
    for (const pid of [1, 2, 3]) runtimes.selected(process(pid));
    runtimes.selected(process(4, '/usr/bin/ruby'));
    runtimes.selected({ ...process(4, '/usr/bin/ruby'), execs: 1 });
    await settled();
    expect(driver.calls).toHaveLength(3);
    expect(runtimes.status()).toEqual({
      other0: { scoped: 0, refused: { 'its driver failed to say whether it applies: no such attribute': 4 } },
      node: { scoped: 3, refused: {} },
    });
    expect(errors).toHaveLength(1);
  });

  test('counts again for another process of that number', () => {
    const { runtimes } = setUp(undefined, [new Broken()]);
    runtimes.selected(process(4, '/usr/bin/ruby'));
    runtimes.deselected(4, true);
    runtimes.selected(process(4, '/usr/bin/ruby'));
    expect(Object.values(runtimes.status()['other0']?.refused ?? {})).toEqual([2]);
  });
});

test('an answer that is none is a refusal', async () => {
  const { driver, runtimes } = setUp();
  driver.outcome = async () => undefined as unknown as RuntimeOutcome;
  runtimes.selected(process(1));
  await settled();
  expect(runtimes.of(1)).toMatchObject({ state: 'refused', reason: expect.stringMatching(/did not say/) });
});

describe('a driver that is done after the process was not wanted any more', () => {
  async function late(outcome: RuntimeOutcome, lives: boolean, leave: (runtimes: Runtimes) => unknown) {
    const { driver, runtimes } = setUp(() => lives);
    let finish = (_: RuntimeOutcome) => {};
    driver.outcome = () => new Promise((resolve) => (finish = resolve));
    runtimes.selected(process(1));
    const left = leave(runtimes);
    await settled();
    expect(driver.calls).not.toContain('detach 1');
    finish(outcome);
    await left;
    await settled();
    return { calls: driver.calls.slice(1), status: runtimes.status() };
  }
  const NOTHING = { node: { scoped: 0, refused: {} } };

  test.each<[string, (runtimes: Runtimes) => unknown]>([
    ['deselected', (runtimes) => runtimes.deselected(1, false)],
    ['obi stops', (runtimes) => runtimes.stop()],
  ])('%s: what it set up is undone', async (_what, leave) => {
    expect(await late({ state: 'scoped' }, true, leave)).toEqual({ calls: ['detach 1'], status: NOTHING });
  });

  test('not when it refused, when the process has ended, or runs another program', async () => {
    const deselect = (runtimes: Runtimes) => runtimes.deselected(1, false);
    expect(await late({ state: 'refused', reason: 'x' }, true, deselect)).toEqual({ calls: [], status: NOTHING });
    expect(await late({ state: 'scoped' }, false, deselect)).toEqual({ calls: [], status: NOTHING });
    expect(await late({ state: 'scoped' }, true, (runtimes) => runtimes.deselected(1, true))).toEqual({ calls: [], status: NOTHING });
  });

  test('can set up nothing in the kernel any more', async () => {
    const { driver, runtimes, chains, uprobes } = setUp();
    driver.outcome = () => new Promise(() => {});
    runtimes.selected(process(1));
    runtimes.deselected(1, true);
    expect(() => driver.kernel.setChain({ base: 1n, offsets: [8] })).toThrow(/abort/);
    expect(() => driver.kernel.uprobe('started', { path: '/x', offset: 1 })).toThrow(/abort/);
    expect([chains.size, uprobes]).toEqual([0, []]);
  });
});

test('a process that is selected again waits until it is undone, and so does the end of obi', async () => {
  const { driver, runtimes } = setUp();
  let undone = () => {};
  driver.detach = () => {
    driver.calls.push('detach 1');
    return new Promise((resolve) => (undone = resolve));
  };
  runtimes.selected(process(1));
  await settled();
  runtimes.deselected(1, false);
  runtimes.selected(process(1));
  await settled();
  expect(driver.calls).toEqual(['attach 1 /usr/bin/node', 'detach 1']);
  undone();
  await settled();
  expect(driver.calls).toEqual(['attach 1 /usr/bin/node', 'detach 1', 'attach 1 /usr/bin/node']);
  runtimes.deselected(1, false);
  let isStopped = false;
  const stopped = runtimes.stop().then(() => {
    isStopped = true;
  });
  await settled();
  expect(isStopped).toBe(false);
  undone();
  await stopped;
});

test('after the end no table is swept: it may be gone', async () => {
  jest.useFakeTimers();
  try {
    const { driver, runtimes } = setUp();
    const swept: number[][] = [];
    const sweeper: RuntimeDriver = {
      appliesTo: () => false,
      attach: (...args) => driver.attach(...args),
      sweep: (ended) => void swept.push([...ended]),
    };
    runtimes.add('sweeper', 6, sweeper, {} as LoadedObject, silentLogger);
    for (const pid of [1, 2]) runtimes.selected(process(pid));
    runtimes.deselected(1, true);
    jest.advanceTimersByTime(1000);
    expect(swept).toEqual([[1]]);
    runtimes.deselected(2, true);
    runtimes.selected(process(3));
    await runtimes.stop();
    jest.advanceTimersByTime(5000);
    expect(swept).toHaveLength(1);
    expect(jest.getTimerCount()).toBe(0);
  } finally {
    jest.useRealTimers();
  }
});
