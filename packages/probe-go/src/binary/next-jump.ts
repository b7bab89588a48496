// SPDX-License-Identifier: Apache-2.0
/** The first conditional jump behind a call: what the call returned is in its registers still, or where it was stored, and the kernel emulates the instruction. */
import type { ElfImage } from '@obi/core/probe';
import type { GoFunction } from './function-table.js';

/** Registers by the number that instructions know them by. */
export const RCX = 1;
export const RSI = 6;

const MAX_BYTES = 192;
/** mov, lea into a register. */
const LOADS: ReadonlySet<number> = new Set([0x8a, 0x8b, 0x8d]);
const STORES: ReadonlySet<number> = new Set([0x88, 0x89]);
/** test, cmp. */
const COMPARISONS: ReadonlySet<number> = new Set([0x84, 0x85, 0x39, 0x3b]);
/** cmp with a number of one byte. */
const COMPARISONS_WITH_BYTE: ReadonlySet<number> = new Set([0x80, 0x83]);
/** Behind 0x0f: movups, nop. */
const TWO_BYTES: ReadonlySet<number> = new Set([0x10, 0x11, 0x1f]);
const CMP = 7;

/** @param kept register that no instruction in between may write @returns undefined where there are others than copies and comparisons */
export function nextJump(image: Pick<ElfImage, 'read'>, { end }: GoFunction, address: number, kept?: number): number | undefined {
  const code = image.read(address, Math.min(MAX_BYTES, end - address));
  for (let at = 0; at < code.length; ) {
    const first = code[at] ?? 0;
    if ((first & 0xf0) === 0x70 || (first === 0x0f && ((code[at + 1] ?? 0) & 0xf0) === 0x80)) return address + at;
    const length = harmless(code, at, kept);
    if (length === undefined) return undefined;
    at += length;
  }
  return undefined;
}

/** @returns bytes of the instruction; undefined: it is none of those, or writes `kept` */
function harmless(code: Buffer, start: number, kept: number | undefined): number | undefined {
  let at = start;
  while (code[at] === 0x66) at++;
  const rex = ((code[at] ?? 0) & 0xf0) === 0x40 ? (code[at++] ?? 0) : 0;
  const opcode = code[at++] ?? 0;
  if (opcode === 0x90) return at - start;
  const isTwoBytes = opcode === 0x0f && TWO_BYTES.has(code[at++] ?? 0);
  const modrm = code[at] ?? 0;
  const operand = at - start + operandBytes(code, at);
  const register = ((modrm >> 3) & 7) | ((rex & 4) << 1);
  const other = modrm >> 6 === 3 ? (modrm & 7) | ((rex & 1) << 3) : undefined;
  if (isTwoBytes || COMPARISONS.has(opcode)) return operand;
  if (LOADS.has(opcode)) return register === kept ? undefined : operand;
  if (STORES.has(opcode)) return other !== undefined && other === kept ? undefined : operand;
  return COMPARISONS_WITH_BYTE.has(opcode) && (register & 7) === CMP ? operand + 1 : undefined;
}

/** Of ModRM and what belongs to it (Intel's manual, volume 2, 2.1.5). */
function operandBytes(code: Buffer, at: number): number {
  const mod = (code[at] ?? 0) >> 6;
  const rm = (code[at] ?? 0) & 7;
  if (mod === 3) return 1;
  const sib = rm === 4 ? 1 : 0;
  const base = sib ? (code[at + 1] ?? 0) & 7 : rm;
  const displacement = mod === 1 ? 1 : mod === 2 || base === 5 ? 4 : 0;
  return 1 + sib + displacement;
}
