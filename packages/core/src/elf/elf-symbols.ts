// SPDX-License-Identifier: Apache-2.0
/** Symbols of an ELF file by name. */

const SYMBOL_SIZE = 24;
const SHN_UNDEF = 0;

export interface ElfSymbol {
  readonly address: number;
  readonly size: number;
}
export type ElfSymbols = Map<string, ElfSymbol>;

/** Adds to `found` what `table` defines of `names` and `found` does not have yet. */
export function readElfSymbols(table: Buffer, strings: Buffer, names: ReadonlySet<string>, found: ElfSymbols): void {
  // Tables hold ten thousands of names: only those that begin where a wanted one stands in the string table are looked at.
  const starts = new Map<number, string>();
  for (const name of names) {
    const bytes = Buffer.from(`${name}\0`, 'latin1');
    // Also inside another string: linkers let a name share the end of a longer one.
    for (let at = strings.indexOf(bytes); at >= 0; at = strings.indexOf(bytes, at + 1)) starts.set(at, name);
  }
  for (let at = 0; at + SYMBOL_SIZE <= table.length; at += SYMBOL_SIZE) {
    const name = starts.get(table.readUInt32LE(at));
    if (name === undefined || found.has(name) || table.readUInt16LE(at + 6) === SHN_UNDEF) continue;
    found.set(name, { address: Number(table.readBigUInt64LE(at + 8)), size: Number(table.readBigUInt64LE(at + 16)) });
  }
}
