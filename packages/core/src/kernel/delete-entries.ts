// SPDX-License-Identifier: Apache-2.0
import type { MapHandle } from './kernel.js';

/** Deletes the entries of a hash table for which `isGone` holds; key and value are as in the kernel, little-endian. */
export function deleteEntries(table: MapHandle, isGone: (key: Buffer, value: Buffer) => boolean): void {
  for (const [key, value] of table.entries()) {
    if (!isGone(key, value)) continue;
    // Looked at again: since the table was read, a living process may have put its own there.
    const now = table.lookup(key);
    if (now && isGone(key, Buffer.from(now.buffer, now.byteOffset, now.byteLength))) table.delete(key);
  }
}
