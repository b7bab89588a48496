// SPDX-License-Identifier: Apache-2.0
/** Calls inside a Go function: a uprobe there sees the arguments once for each call, and the kernel emulates the instruction. */
import type { ElfImage } from '@obi/core/probe';
import type { GoFunction } from './function-table.js';

const CALL = 0xe8;
export const CALL_BYTES = 5;
/** The largest of these functions have some kB. Files of any user are read: no more than this is looked at. */
const MAX_FUNCTION_BYTES = 1 << 16;
const MAX_CALLS = 8;

/** Addresses of direct calls. No decoding: another instruction with an 0xe8 in it would have to be followed by just this distance. */
export function callsOf(image: ElfImage, { address, end }: GoFunction, target: GoFunction | undefined): number[] {
  if (!target || end - address > MAX_FUNCTION_BYTES) return [];
  const code = image.read(address, end - address);
  const calls: number[] = [];
  for (let at = code.indexOf(CALL); at >= 0 && at + CALL_BYTES <= code.length && calls.length < MAX_CALLS; at = code.indexOf(CALL, at + 1))
    if (address + at + CALL_BYTES + code.readInt32LE(at + 1) === target.address) calls.push(address + at);
  return calls;
}
