// SPDX-License-Identifier: Apache-2.0
import type { MapHandle } from '../../src/kernel/kernel.js';
import { EndedProcesses, REQUEST, SCOPE, sweepRequests, sweepScopes } from '../../src/lifecycle/ended-processes.js';
import { silentLogger } from '../../src/logging/silent-logger.js';

/** A table of scopes: key → process. */
function tableOf(owners: Readonly<Record<number, number>>) {
  const left = new Map(Object.entries(owners));
  const scopeOf = (key: string) => {
    const value = Buffer.alloc(SCOPE.bytes);
    value.writeUInt32LE(left.get(key) ?? 0, SCOPE.process);
    return value;
  };
  const table = {
    entries: () => [...left.keys()].map((key) => [Buffer.from([Number(key)]), scopeOf(key)]),
    lookup: ([key]: Uint8Array) => scopeOf(String(key)),
    delete: ([key]: Uint8Array) => left.delete(String(key)),
  } as unknown as MapHandle;
  return { table, left };
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('scopes of processes that ended go within a second, in one pass; those of others stay', () => {
  const { table, left } = tableOf({ 1: 100, 2: 200, 3: 100, 4: 300 });
  const ended = new EndedProcesses(silentLogger);
  const passes: number[][] = [];
  ended.onSweep((pids) => {
    passes.push([...pids]);
    sweepScopes(table, pids);
  });
  ended.add(100);
  ended.add(300);
  expect(left.size).toBe(4);
  jest.advanceTimersByTime(1000);
  expect([...left.keys()]).toEqual(['2']);
  expect(passes).toEqual([[100, 300]]);
  jest.advanceTimersByTime(5000);
  expect(passes).toHaveLength(1);
});

test('what a living process put in while the table was read stays', () => {
  const { table, left } = tableOf({ 1: 100, 2: 100 });
  const read = [...table.entries()];
  left.set('1', 200);
  sweepScopes({ ...table, entries: () => read }, new Set([100]));
  expect([...left]).toEqual([['1', 200]]);
});

test('a number that is served again keeps what it declares', () => {
  const { table, left } = tableOf({ 1: 100, 2: 200 });
  const ended = new EndedProcesses(silentLogger);
  ended.onSweep((pids) => sweepScopes(table, pids));
  ended.add(100);
  ended.add(200);
  ended.isBack(200);
  ended.sweep();
  expect([...left.keys()]).toEqual(['2']);
});

test('a table that cannot be read does not keep the next one from being swept', () => {
  const { table, left } = tableOf({ 1: 100 });
  const warnings: string[] = [];
  const ended = new EndedProcesses({ ...silentLogger, warn: (message: string) => void warnings.push(message) });
  ended.onSweep(() => {
    throw new Error('EPERM');
  });
  ended.onSweep((pids) => sweepScopes(table, pids));
  ended.add(100);
  ended.sweep();
  expect(left.size).toBe(0);
  expect(warnings).toHaveLength(1);
});

test('once stopped, nothing waits and nothing is swept', () => {
  const ended = new EndedProcesses(silentLogger);
  const passes: number[][] = [];
  ended.onSweep((pids) => void passes.push([...pids]));
  ended.add(100);
  ended.stop();
  ended.add(200);
  expect(jest.getTimerCount()).toBe(0);
  ended.sweep();
  expect(passes).toEqual([]);
});

test('of open requests only those that were begun inside the process go with it', () => {
  const requestOf = (process: number, inside: number) => {
    const value = Buffer.alloc(REQUEST.bytes);
    value.writeUInt32LE(process, REQUEST.process);
    value.writeUInt16LE(inside, REQUEST.inside);
    return value;
  };
  const left = new Map([1, 2, 3].map((key) => [key, requestOf(key === 3 ? 200 : 100, key === 2 ? 0 : 1)]));
  const table = {
    entries: () => [...left].map(([key, value]) => [Buffer.from([key]), value] as const),
    lookup: (key: Buffer) => left.get(key[0] ?? 0),
    delete: (key: Buffer) => left.delete(key[0] ?? 0),
  } as unknown as MapHandle;
  sweepRequests(table, new Set([100]));
  expect([...left.keys()]).toEqual([2, 3]);
});
