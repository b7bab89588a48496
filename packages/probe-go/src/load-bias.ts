// SPDX-License-Identifier: Apache-2.0
/** How far from its own addresses a program was loaded. */
import { readFileSync } from 'node:fs';

/** Of the auxiliary vector that the kernel hands a new program: pairs of words, AT_ENTRY is where the program begins (getauxval(3)). */
const AT_ENTRY = 9n;
const PAIR_BYTES = 16;

/**
 * @param entry where the file says that the program begins
 * @returns what to add to an address of the file @throws when the process has ended, or is not ours to look at
 */
export function loadBias(pid: number, entry: number): bigint {
  const vector = readFileSync(`/proc/${pid}/auxv`);
  for (let at = 0; at + PAIR_BYTES <= vector.length; at += PAIR_BYTES)
    if (vector.readBigUInt64LE(at) === AT_ENTRY) return vector.readBigUInt64LE(at + 8) - BigInt(entry);
  throw new Error(`/proc/${pid}/auxv does not say where the program begins`);
}
