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

export interface ElfSection {
  /** SHT_*. */
  readonly type: number;
  /** SHF_*, the lower 32 bits. */
  readonly flags: number;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
  /** Symbol tables: index of their string table. */
  readonly link: number;
}

/** @returns nothing for what is no such file. */
export function readElfSections(file: RandomAccessFile): ElfSection[] | undefined {
  const header = file.read(0, EHDR_SIZE);
  if (header.length < EHDR_SIZE || header.readUInt32LE(0) !== ELF_MAGIC || header[4] !== ELFCLASS64 || header[5] !== ELFDATA2LSB) return undefined;
  const entrySize = header.readUInt16LE(0x3a);
  const count = Math.min(header.readUInt16LE(0x3c), MAX_SECTIONS);
  const table = file.read(Number(header.readBigUInt64LE(0x28)), entrySize * count);
  if (count === 0 || entrySize < SHDR_SIZE || table.length < entrySize * count) return undefined;
  return Array.from({ length: count }, (_, index) => {
    const at = index * entrySize;
    return {
      type: table.readUInt32LE(at + 4),
      flags: table.readUInt32LE(at + 8),
      address: Number(table.readBigUInt64LE(at + 16)),
      offset: Number(table.readBigUInt64LE(at + 24)),
      size: Math.min(Number(table.readBigUInt64LE(at + 32)), MAX_SECTION_BYTES),
      link: table.readUInt32LE(at + 40),
    };
  });
}
