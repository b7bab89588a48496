// SPDX-License-Identifier: Apache-2.0
import type { ProcessMemory } from '../src/interpreter/process-memory.js';
import { findThreadSlot } from '../src/interpreter/thread-slot.js';

const PTHREAD = 0x900;

/** Threads whose struct pthread has these words: offset → value. */
function memoryOf(threads: ReadonlyMap<number, Readonly<Record<number, number>>>): ProcessMemory {
  return {
    read(address: number, length: number) {
      const words = threads.get(address);
      if (!words) return undefined;
      const bytes = Buffer.alloc(length);
      for (const [offset, value] of Object.entries(words)) bytes.writeBigUInt64LE(BigInt(value), Number(offset));
      return bytes;
    },
  } as unknown as ProcessMemory;
}

const state = (address: number, thread: number) => ({ address, thread });

test('the place at which every thread has its own state', () => {
  const memory = memoryOf(
    new Map([
      [0x7000, { 16: 0x7000, 792: 0xa000, 1280: 0xb000 }],
      [0x8000, { 16: 0x8000, 792: 0xb000, 1280: 0xb000 }],
    ]),
  );
  expect(findThreadSlot(memory, [state(0xa000, 0x7000), state(0xb000, 0x8000)])).toBe(0x318);
});

test('a thread that has ended, or has not bound its state yet, says nothing', () => {
  const memory = memoryOf(
    new Map([
      [0x7000, { 808: 0xa000 }],
      [0x8000, {}],
    ]),
  );
  expect(findThreadSlot(memory, [state(0xa000, 0x7000), state(0xb000, 0x8000), state(0xc000, 0x9000)])).toBe(0x328);
});

test('of several places in a lone thread, the one among the values of keys', () => {
  expect(findThreadSlot(memoryOf(new Map([[0x7000, { 64: 0xa000, 824: 0xa000 }]])), [state(0xa000, 0x7000)])).toBe(0x338);
  expect(findThreadSlot(memoryOf(new Map([[0x7000, { 64: 0xa000, 72: 0xa000 }]])), [state(0xa000, 0x7000)])).toBeUndefined();
});

test('no place, or places that contradict each other: nothing', () => {
  const memory = memoryOf(
    new Map([
      [0x7000, { 792: 0xa000 }],
      [0x8000, { 808: 0xb000 }],
      [0x9000, { [PTHREAD - 8]: 1 }],
    ]),
  );
  expect(findThreadSlot(memory, [state(0xa000, 0x7000), state(0xb000, 0x8000)])).toBeUndefined();
  expect(findThreadSlot(memory, [state(0xc000, 0x9000)])).toBeUndefined();
  expect(findThreadSlot(memory, [])).toBeUndefined();
});
