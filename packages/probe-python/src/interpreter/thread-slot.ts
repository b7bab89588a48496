// SPDX-License-Identifier: Apache-2.0
/**
 * Where a thread finds its PyThreadState: the value of the interpreter's pthread key. "The current thread" of the interpreter itself would not do: a thread
 * that sends or receives has released the GIL, and another one is current then.
 */
import type { ProcessMemory } from './process-memory.js';
import type { ThreadState } from './thread-states.js';

/** glibc keeps the first 32 keys inside its struct pthread, which begins at the thread pointer (x86-64) and has some 2,300 bytes. */
const PTHREAD_BYTES = 0x900;
/** struct pthread.specific_1stblock in glibc on x86-64, and the value in an entry of it: breaks a tie. */
const GLIBC_KEYS = 0x310;
const KEY_VALUE = 8;
const KEY_SIZE = 16;

/** @returns the offset from the thread pointer at which every one of these threads has its own state, or undefined. */
export function findThreadSlot(memory: ProcessMemory, states: readonly ThreadState[]): number | undefined {
  let offsets: number[] | undefined;
  for (const { address, thread } of states) {
    const bytes = memory.read(thread, PTHREAD_BYTES);
    if (!bytes) continue; // it ended
    const own = places(bytes, BigInt(address));
    // A thread between creation and its first line has no state bound yet.
    if (own.length === 0) continue;
    offsets = offsets === undefined ? own : offsets.filter((offset) => own.includes(offset));
  }
  if (offsets === undefined || offsets.length <= 1) return offsets?.[0];
  return offsets.find((offset) => offset >= GLIBC_KEYS && (offset - GLIBC_KEYS) % KEY_SIZE === KEY_VALUE);
}

function places(bytes: Buffer, value: bigint): number[] {
  const found: number[] = [];
  for (let offset = 0; offset < bytes.length; offset += 8) if (bytes.readBigUInt64LE(offset) === value) found.push(offset);
  return found;
}
