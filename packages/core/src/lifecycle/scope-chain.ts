// SPDX-License-Identifier: Apache-2.0
import type { ScopeChain } from '../probe/runtime.js';

/** OBI_CHAIN_STEPS, bpf/include/obi/scope.bpf.h. */
const CHAIN_STEPS = 6;
/** `struct obi_chain`: u64 base, s32 offset[6], u8 steps, u8 from_thread_pointer, u8 exhaustive, padding. */
export const CHAIN_BYTES = 40;

/** A chain as the kernel side reads it. @throws RangeError when it has no step, or too many. */
export function chainBytes({ base, offsets, fromThreadPointer = false, exhaustive = false }: ScopeChain): Buffer {
  if (offsets.length === 0 || offsets.length > CHAIN_STEPS) throw new RangeError(`a scope chain has 1 to ${CHAIN_STEPS} steps, not ${offsets.length}`);
  const bytes = Buffer.alloc(CHAIN_BYTES);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, base), 0);
  for (const [step, offset] of offsets.entries()) bytes.writeInt32LE(offset, 8 + 4 * step);
  bytes.writeUInt8(offsets.length, 32);
  bytes.writeUInt8(fromThreadPointer ? 1 : 0, 33);
  bytes.writeUInt8(exhaustive ? 1 : 0, 34);
  return bytes;
}
