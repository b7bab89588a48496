// SPDX-License-Identifier: Apache-2.0
/** Relocations that put an address of the file itself somewhere (R_*_RELATIVE). */

const ENTRY_SIZE = 24;
/** R_X86_64_RELATIVE, R_AARCH64_RELATIVE. */
const RELATIVE: ReadonlySet<number> = new Set([8, 1027]);

/** Place → address that it gets. Compact relocations (DT_RELR) need no entry: their addresses stand in the place itself. */
export type ElfRelocations = ReadonlyMap<number, number>;

/** @param tables contents of the SHT_RELA sections */
export function readRelocations(tables: readonly Buffer[]): ElfRelocations {
  const relocations = new Map<number, number>();
  for (const table of tables)
    for (let at = 0; at + ENTRY_SIZE <= table.length; at += ENTRY_SIZE)
      if (RELATIVE.has(table.readUInt32LE(at + 8))) relocations.set(Number(table.readBigUInt64LE(at)), Number(table.readBigInt64LE(at + 16)));
  return relocations;
}
