// SPDX-License-Identifier: Apache-2.0
/** Section headers of a 64-bit little-endian ELF file. */
import type { RandomAccessFile } from '../process/proc-fs.js';

const ELF_MAGIC = 0x464c457f;
const ELFCLASS64 = 2;
const ELFDATA2LSB = 1;
const EHDR_SIZE = 64;
const SHDR_SIZE = 64;

/** Bounds against broken files. */
const MAX_SECTIONS = 4096;
const MAX_SECTION_BYTES = 1 << 28;
const MAX_NAMES_BYTES = 1 << 20;

export interface ElfSection {
  readonly name: string;
  /** SHT_*. */
  readonly type: number;
  /** SHF_*, the lower 32 bits. */
  readonly flags: number;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
  /** Symbol tables: index of their string table. */
  readonly link: number;
  /** Bytes. */
  readonly align: number;
}

interface SectionTable {
  /** The headers, one after the other. */
  readonly headers: Buffer;
  readonly entrySize: number;
  readonly count: number;
  /** Contents of the section with the names; empty when there is none. */
  readonly names: Buffer;
}

function readTable(file: RandomAccessFile): SectionTable | undefined {
  const header = file.read(0, EHDR_SIZE);
  if (header.length < EHDR_SIZE || header.readUInt32LE(0) !== ELF_MAGIC || header[4] !== ELFCLASS64 || header[5] !== ELFDATA2LSB) return undefined;
  const entrySize = header.readUInt16LE(0x3a);
  const count = Math.min(header.readUInt16LE(0x3c), MAX_SECTIONS);
  const headers = file.read(Number(header.readBigUInt64LE(0x28)), entrySize * count);
  if (count === 0 || entrySize < SHDR_SIZE || headers.length < entrySize * count) return undefined;
  const table = { headers, entrySize, count, names: Buffer.alloc(0) };
  const index = header.readUInt16LE(0x3e);
  if (index >= count) return table;
  const { offset, size } = sectionAt(table, index);
  return { ...table, names: file.read(offset, Math.min(size, MAX_NAMES_BYTES)) };
}

function nameAt({ headers, entrySize, names }: SectionTable, index: number): string {
  const start = headers.readUInt32LE(index * entrySize);
  const end = names.indexOf(0, start);
  return end > start ? names.toString('latin1', start, end) : '';
}

function sectionAt(table: SectionTable, index: number): ElfSection {
  const { headers, entrySize } = table;
  const at = index * entrySize;
  return {
    name: nameAt(table, index),
    type: headers.readUInt32LE(at + 4),
    flags: headers.readUInt32LE(at + 8),
    address: Number(headers.readBigUInt64LE(at + 16)),
    offset: Number(headers.readBigUInt64LE(at + 24)),
    size: Math.min(Number(headers.readBigUInt64LE(at + 32)), MAX_SECTION_BYTES),
    link: headers.readUInt32LE(at + 40),
    align: Number(headers.readBigUInt64LE(at + 48)),
  };
}

/** @returns nothing for what is no such file, or has no section headers. */
export function readElfSections(file: RandomAccessFile): ElfSection[] | undefined {
  const table = readTable(file);
  return table && Array.from({ length: table.count }, (_, index) => sectionAt(table, index));
}

/** Section names: they tell a compiler's work (Go, .NET native AOT) without reading the code. Reads a few kB. @returns none for what is no such file. */
export function readElfSectionNames(file: RandomAccessFile): ReadonlySet<string> {
  const table = readTable(file);
  return new Set(table ? Array.from({ length: table.count }, (_, index) => nameAt(table, index)).filter((name) => name !== '') : []);
}
