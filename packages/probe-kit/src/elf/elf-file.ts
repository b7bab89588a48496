// SPDX-License-Identifier: Apache-2.0
/** Sections, symbols and relocations of an ELF64 little-endian file: as much of ELF as a BPF object uses. */

/** `sh_flags` bit: the section holds instructions. */
export const SHF_EXECINSTR = 0x4;
/** Symbol types (`st_info & 0xf`). */
export const SymbolType = { NOTYPE: 0, OBJECT: 1, FUNC: 2, SECTION: 3 } as const;

const SHT_SYMTAB = 2;
const SHT_NOBITS = 8;
const SHT_REL = 9;
const EM_BPF = 247;

export interface ElfSection {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  /** Empty for a section without bytes in the file (.bss). */
  readonly data: Uint8Array;
  readonly link: number;
  readonly info: number;
}

export interface ElfSymbol {
  readonly name: string;
  readonly type: number;
  /** Index of the section that defines it; 0 = undefined here. */
  readonly section: number;
  /** Offset in that section. */
  readonly value: number;
  readonly size: number;
}

export interface ElfRelocation {
  /** Offset in the section that is relocated. */
  readonly offset: number;
  readonly symbol: ElfSymbol;
}

export interface ElfFile {
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  section(name: string): ElfSection | undefined;
  /** Relocations of section `index`. */
  relocations(index: number): readonly ElfRelocation[];
}

/** Reads `bytes`. @throws Error saying what is wrong when it is not a BPF object. */
export function readElf(bytes: Uint8Array): ElfFile {
  const view = viewOf(bytes);
  if (bytes.length < 64 || view.getUint32(0) !== 0x7f454c46) throw new Error('not an ELF file');
  if (bytes[4] !== 2 || bytes[5] !== 1) throw new Error('not a 64-bit little-endian ELF file');
  if (view.getUint16(18, true) !== EM_BPF)
    throw new Error(`not a BPF object (e_machine ${view.getUint16(18, true)}, expected ${EM_BPF}): compile with clang -target bpf`);
  const sections = readSections(bytes, view);
  const symbols = readSymbols(sections);
  const relocations = new Map<number, ElfRelocation[]>();
  for (const section of sections) if (section.type === SHT_REL) relocations.set(section.info, readRelocations(section, symbols));
  return {
    sections,
    symbols,
    section: (name) => sections.find((section) => section.name === name),
    relocations: (index) => relocations.get(index) ?? [],
  };
}

function readSections(bytes: Uint8Array, view: DataView): ElfSection[] {
  const start = number64(view, 0x28);
  const entrySize = view.getUint16(0x3a, true);
  const count = view.getUint16(0x3c, true);
  const headers = Array.from({ length: count }, (_, index) => {
    const at = start + index * entrySize;
    const type = view.getUint32(at + 4, true);
    const offset = number64(view, at + 24);
    const size = type === SHT_NOBITS ? 0 : number64(view, at + 32);
    if (offset + size > bytes.length) throw new Error(`ELF section ${index} ends after the end of the file: truncated object`);
    return {
      index,
      nameOffset: view.getUint32(at, true),
      type,
      flags: number64(view, at + 8),
      data: bytes.subarray(offset, offset + size),
      link: view.getUint32(at + 40, true),
      info: view.getUint32(at + 44, true),
    };
  });
  const names = headers[view.getUint16(0x3e, true)]?.data ?? new Uint8Array();
  return headers.map(({ nameOffset, ...header }) => ({ ...header, name: cString(names, nameOffset) }));
}

function readSymbols(sections: readonly ElfSection[]): ElfSymbol[] {
  const table = sections.find((section) => section.type === SHT_SYMTAB);
  if (table === undefined) return [];
  const names = sections[table.link]?.data ?? new Uint8Array();
  const view = viewOf(table.data);
  return Array.from({ length: Math.floor(table.data.length / 24) }, (_, index) => {
    const at = index * 24;
    return {
      name: cString(names, view.getUint32(at, true)),
      type: view.getUint8(at + 4) & 0xf,
      section: view.getUint16(at + 6, true),
      value: number64(view, at + 8),
      size: number64(view, at + 16),
    };
  });
}

function readRelocations(section: ElfSection, symbols: readonly ElfSymbol[]): ElfRelocation[] {
  const view = viewOf(section.data);
  return Array.from({ length: Math.floor(section.data.length / 16) }, (_, index) => {
    const symbol = symbols[view.getUint32(index * 16 + 12, true)];
    if (symbol === undefined) throw new Error(`${section.name}: relocation ${index} names a symbol that does not exist`);
    return { offset: number64(view, index * 16), symbol };
  });
}

/** The zero-terminated string at `offset`. */
export function cString(bytes: Uint8Array, offset: number): string {
  const end = bytes.indexOf(0, offset);
  return new TextDecoder().decode(bytes.subarray(offset, end < 0 ? bytes.length : end));
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function number64(view: DataView, offset: number): number {
  return Number(view.getBigUint64(offset, true));
}
