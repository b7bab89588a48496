// SPDX-License-Identifier: Apache-2.0
/** Where a buffer of this process lies, for programs that read the memory of the process that they run in. */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

const MARK_BYTES = 32;
const CHUNK = 1 << 20;

/** Overwrites the buffer's beginning. @throws when it is not found: it is too small for memory of its own, or /proc is not there */
export function addressOf(buffer: Buffer): bigint {
  const memory = openSync('/proc/self/mem', 'r');
  try {
    const mark = randomBytes(MARK_BYTES);
    mark.copy(buffer);
    // What was read, and the mark itself, are in memory too: the place is the one that follows a change.
    const found = [...occurrences(memory, mark)];
    const other = randomBytes(MARK_BYTES);
    other.copy(buffer);
    const place = found.find((address) => read(memory, address, MARK_BYTES)?.equals(other));
    if (place === undefined) throw new Error('the buffer was not found in the memory of this process');
    return place;
  } finally {
    closeSync(memory);
  }
}

function* occurrences(memory: number, mark: Buffer): Iterable<bigint> {
  // Of no file, with a name (the heap) or without: malloc puts large buffers into either.
  for (const [, from, to] of readFileSync('/proc/self/maps', 'latin1').matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw-p \S+ \S+ 0 /gm)) {
    const end = BigInt(`0x${to}`);
    for (let at = BigInt(`0x${from}`); at < end; at += BigInt(CHUNK)) {
      const bytes = read(memory, at, Number(end - at < BigInt(CHUNK) ? end - at : BigInt(CHUNK)));
      for (let index = bytes?.indexOf(mark) ?? -1; index >= 0; index = bytes?.indexOf(mark, index + 1) ?? -1) yield at + BigInt(index);
    }
  }
}

/** Undefined where there is no memory. */
function read(memory: number, address: bigint, length: number): Buffer | undefined {
  const bytes = Buffer.alloc(length);
  try {
    return readSync(memory, bytes, 0, length, address) === length ? bytes : undefined;
  } catch {
    return undefined;
  }
}
