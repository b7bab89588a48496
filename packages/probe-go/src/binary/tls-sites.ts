// SPDX-License-Identifier: Apache-2.0
/** Places inside crypto/tls that have the bytes of a connection in hand: decrypted, about to be encrypted, sent. */
import type { ElfImage } from '@obi/core/probe';
import { CALL_BYTES, callsOf } from './direct-calls.js';
import type { GoFunction, GoFunctions } from './function-table.js';

const READ = 'crypto/tls.(*Conn).Read';
const WRITE = 'crypto/tls.(*Conn).Write';
const COPY = 'runtime.memmove';
const SEND = 'crypto/tls.(*Conn).writeRecordLocked';
/** What the error is asked for before Go 1.22. */
const ASSERT = 'runtime.assertI2I2';
/** How often Read copies and Write sends, in every release. */
const COPIES = 1;
const SENDS = 2;

export const TLS_FUNCTIONS = [READ, WRITE, COPY, SEND, ASSERT];

/** Program → addresses. */
export type TlsSites = ReadonlyMap<string, readonly number[]>;

/** @returns undefined for a program without crypto/tls; the name of the function that looks different from Go's releases, where one does. */
export function findTlsSites(image: ElfImage, functions: GoFunctions): TlsSites | string | undefined {
  const [read, write] = [functions.get(READ), functions.get(WRITE)];
  // All or none: an answer without its question is no exchange.
  if (!read || !write) return undefined;
  const copies = callsOf(image, read, functions.get(COPY));
  if (copies.length !== COPIES) return READ;
  const sends = callsOf(image, write, functions.get(SEND));
  const asserts = new Set(callsOf(image, write, functions.get(ASSERT)));
  const ends = sends.flatMap((send) => checkOf(image, write, send + CALL_BYTES, asserts) ?? []);
  if (sends.length !== SENDS || ends.length !== SENDS) return WRITE;
  return new Map([
    ['go_tls_read', copies],
    ['go_tls_writing', sends],
    ['go_tls_written', ends],
  ]);
}

/** `mov %rax|%rbx|%rcx, n(%rsp)`: results are put on the stack. */
const STORE = Buffer.from([0x48, 0x89]);
const STORE_SHORT: ReadonlySet<number> = new Set([0x44, 0x4c, 0x5c]);
const STORE_LONG: ReadonlySet<number> = new Set([0x84, 0x8c, 0x9c]);
const RSP = 0x24;
/** `lea n(%rip),%rax`: the type that the error is asked for. */
const LEA_RAX = Buffer.from([0x48, 0x8d, 0x05]);
const LEA_RAX_BYTES = 7;
/** `test %rbx,%rbx`: is there an error? */
const TEST_RBX = Buffer.from([0x48, 0x85, 0xdb]);
/** Four stores at most, then one of the two. */
const BEHIND_BYTES = 48;

/**
 * Where the error of the call in front of `address` is looked at: a jump or a call, which the kernel emulates, with the error's type still in %rbx.
 * @param asserts calls of {@link ASSERT} @returns undefined where the code is another
 */
function checkOf(image: ElfImage, { end }: GoFunction, address: number, asserts: ReadonlySet<number>): number | undefined {
  const code = image.read(address, Math.min(BEHIND_BYTES, end - address));
  const begins = (at: number, bytes: Buffer) => code.subarray(at, at + bytes.length).equals(bytes);
  let at = 0;
  while (begins(at, STORE) && code[at + 3] === RSP) {
    const form = code[at + 2] ?? 0;
    if (STORE_SHORT.has(form)) at += 5;
    else if (STORE_LONG.has(form)) at += 8;
    else return undefined;
  }
  if (begins(at, LEA_RAX)) return asserts.has(address + at + LEA_RAX_BYTES) ? address + at + LEA_RAX_BYTES : undefined;
  if (!begins(at, TEST_RBX)) return undefined;
  at += TEST_RBX.length;
  // je, jne: short, or near.
  const isJump = code[at] === 0x74 || code[at] === 0x75 || (code[at] === 0x0f && (code[at + 1] === 0x84 || code[at + 1] === 0x85));
  return isJump ? address + at : undefined;
}
