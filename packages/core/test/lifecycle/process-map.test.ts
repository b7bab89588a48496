// SPDX-License-Identifier: Apache-2.0
import type { MapHandle } from '../../src/kernel/kernel.js';
import { ProcessMap } from '../../src/lifecycle/process-map.js';
import { silentLogger } from '../../src/logging/silent-logger.js';
import type { TracedProcess } from '../../src/process/index.js';
import { kernelError } from '../kernel/fake-kernel.js';

const PROCESS = { pid: 10, exe: '/bin/a', executionModel: 'threads', fionreadSafe: false, resource: { id: 0, attributes: {} } } as unknown as TracedProcess;

function mapThat(fails: { update?: Error; delete?: Error }) {
  const errors: string[] = [];
  const selected: number[] = [];
  const refuse = (error?: Error) => () => {
    if (error) throw error;
    return true;
  };
  const map = { lookup: () => undefined, update: refuse(fails.update), delete: refuse(fails.delete) } as unknown as MapHandle;
  const log = { ...silentLogger, error: (message: string) => void errors.push(message) };
  const listener = { added: ({ pid }: TracedProcess) => void selected.push(pid), changed: () => {}, removed: () => {} };
  return { processes: new ProcessMap(map, log, listener), errors, selected };
}

test.each([
  ['E2BIG', /table is full; raise ebpf\.maps_config\.global_scale_factor/],
  ['ENOSPC', /table is full/],
  ['EPERM', /cannot be written/],
])('an update that fails with %s', (code, message) => {
  const { processes, errors, selected } = mapThat({ update: kernelError('x', code) });
  processes.selected(PROCESS);
  expect(errors).toEqual([expect.stringMatching(message)]);
  expect(selected).toEqual([]);
});

test('an entry that cannot be deleted is logged, never thrown', () => {
  const { processes, errors } = mapThat({ delete: kernelError('x', 'EPERM') });
  processes.selected(PROCESS);
  processes.deselected(10, 'exit');
  processes.reject(11);
  expect(errors).toHaveLength(2);
});

/** flags and runtime of `struct obi_process`, as the kernel keeps them. */
function table() {
  const values = new Map<string, Buffer>();
  const name = (key: Uint8Array) => Buffer.from(key).toString('hex');
  const map = {
    lookup: (key: Uint8Array) => values.get(name(key)),
    update: (key: Uint8Array, value: Uint8Array) => void values.set(name(key), Buffer.from(value)),
    delete: (key: Uint8Array) => values.delete(name(key)),
    keys: () => [...values.keys()].map((text) => Buffer.from(text, 'hex')),
  } as unknown as MapHandle;
  const told: string[] = [];
  const processes = new ProcessMap(map, silentLogger, {
    added: ({ pid }) => void told.push(`added ${pid}`),
    changed: ({ pid }) => void told.push(`changed ${pid}`),
    removed: (pid, reason) => void told.push(`removed ${pid}: ${reason}`),
  });
  const words = () => [...values.values()].map((value) => [value.readUInt32LE(0), value.readUInt32LE(4)]);
  return { processes, told, words, values };
}

test('what the kernel and a runtime probe said of a process outlives a change', () => {
  const { processes, told, words, values } = table();
  processes.selected(PROCESS);
  expect(words()).toEqual([[0, 0]]);
  processes.setRuntime(10, 3);
  for (const value of values.values()) value.writeUInt32LE(4, 0); // it asked FIONREAD
  processes.selected({ ...PROCESS, executionModel: 'multiplexed', fionreadSafe: true });
  expect(words()).toEqual([[1 | 2 | 4, 3]]);
  processes.selected({ ...PROCESS, executionModel: 'proxy' });
  expect(words()).toEqual([[1 | 4 | 8, 3]]);
  processes.deselected(10, 'exit');
  processes.setRuntime(10, 3);
  expect(words()).toEqual([]);
  expect(told).toEqual(['added 10', 'changed 10', 'changed 10', 'removed 10: exit']);
});

describe('what the kernel side has taken back at an exec that nobody told', () => {
  const DENSE: TracedProcess = { ...PROCESS, executionModel: 'multiplexed', fionreadSafe: true };
  const setUp = () => {
    const { processes, values } = table();
    processes.selected(DENSE);
    processes.setRuntime(10, 3);
    const [value = Buffer.alloc(0)] = values.values();
    return { processes, values, value };
  };

  test('is seen, and not after it was written again', () => {
    const { processes, values, value } = setUp();
    expect(processes.isReset(10)).toBe(false);
    value.writeUInt32LE(1 | 2 | 4); // it asked FIONREAD: the kernel side's own word
    expect(processes.isReset(10)).toBe(false);
    values.set('0a000000', Buffer.alloc(8));
    expect(processes.isReset(10)).toBe(true);
    processes.selected(DENSE);
    expect(processes.isReset(10)).toBe(true); // its runtime is missing still
    processes.setRuntime(10, 3);
    expect(processes.isReset(10)).toBe(false);
  });

  test.each([
    ['flags', 0],
    ['the runtime', 4],
  ])('%s alone', (_what, offset) => {
    const { processes, value } = setUp();
    value.writeUInt32LE(0, offset);
    expect(processes.isReset(10)).toBe(true);
  });

  test('a copy of its parent is none, nor one that is gone or was never written', () => {
    const { processes, values } = setUp();
    const copy = Buffer.alloc(8);
    copy.writeUInt32LE(3, 4);
    values.set('0b000000', copy);
    expect(processes.isReset(11)).toBe(false);
    processes.selected({ ...PROCESS, pid: 11 });
    expect(processes.isReset(11)).toBe(false);
    values.delete('0b000000');
    expect(processes.isReset(11)).toBe(false);
    expect(processes.pids()).toEqual([10]);
  });
});
