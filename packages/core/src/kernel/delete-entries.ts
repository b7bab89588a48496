// SPDX-License-Identifier: Apache-2.0
import type { MapHandle } from './kernel.js';

/** Deletes the entries of a hash table for which `isGone` holds; key and value are as in the kernel, little-endian. One system call per entry and more. */
export function deleteEntries(table: MapHandle, isGone: (key: Buffer, value: Buffer) => boolean): void {
  const view = ({ buffer, byteOffset, byteLength }: Uint8Array) => Buffer.from(buffer, byteOffset, byteLength);
  for (const key of table.keys()) {
    const value = table.lookup(key);
    if (value && isGone(view(key), view(value))) table.delete(key);
  }
}
