// SPDX-License-Identifier: Apache-2.0
/** At which of a Go function's first instructions a uprobe costs least. */

/** `cmp 0x10(%r14),%rsp` or `%r12`: is there room on the goroutine's stack? Large functions compute into r12 first. */
const COMPARE = [Buffer.from([0x49, 0x3b, 0x66, 0x10]), Buffer.from([0x4d, 0x3b, 0x66, 0x10])] as const;
const LEA_R12_SHORT = Buffer.from([0x4c, 0x8d, 0x64, 0x24]);
const LEA_R12_LONG = Buffer.from([0x4c, 0x8d, 0xa4, 0x24]);
const PUSH_RBP = 0x55;
const SHORT_JUMP = 2;
const NEAR_JUMP = 6;
/** Bytes that these functions look at. */
export const PROLOGUE = 19;

/**
 * The stack check ends in a jump, which the kernel emulates; a uprobe on the comparison in front of it would be single-stepped (FACTS: twenty times as dear).
 * Arguments lie in their registers there. A function whose stack has to grow passes there twice: its program has to bear that.
 * @param code the function's first bytes @returns what to add to its address
 */
export function cheapEntry(code: Buffer): number {
  if (code[0] === PUSH_RBP) return 0;
  let at = 0;
  if (code.subarray(0, 4).equals(LEA_R12_SHORT)) at = 5;
  else if (code.subarray(0, 4).equals(LEA_R12_LONG)) at = 8;
  if (!COMPARE.some((bytes) => code.subarray(at, at + 4).equals(bytes))) return 0;
  at += 4;
  const isJump = code[at] === 0x76 || (code[at] === 0x0f && code[at + 1] === 0x86);
  return isJump ? at : 0;
}

/**
 * Behind the stack check, where a function saves its caller's frame pointer, which the kernel emulates too: passed once for each call.
 * @returns undefined where the function looks different
 */
export function settledEntry(code: Buffer): number | undefined {
  const jump = cheapEntry(code);
  const after = jump === 0 ? 0 : jump + (code[jump] === 0x76 ? SHORT_JUMP : NEAR_JUMP);
  return code[after] === PUSH_RBP ? after : undefined;
}
