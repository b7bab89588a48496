// SPDX-License-Identifier: Apache-2.0
/** Section names of an ELF file: they tell a compiler's work (Go, .NET native AOT) without reading the code. */
import type { RandomAccessFile } from './proc-fs.js';

// Offsets as in elf(5), 64-bit files, little-endian: what both architectures of obi (x86_64, arm64) run.
const ELF_MAGIC = 0x464c457f;
const EI_CLASS = 4;
const ELFCLASS64 = 2;
const EI_DATA = 5;
const ELFDATA2LSB = 1;
const EHDR_SIZE = 64;
const E_SHOFF = 0x28;
const E_SHENTSIZE = 0x3a;
const E_SHNUM = 0x3c;
const E_SHSTRNDX = 0x3e;
const SHDR_SIZE = 64;
const SH_OFFSET = 0x18;
const SH_SIZE = 0x20;

/** Bounds against broken files. */
const MAX_SECTIONS = 4096;
const MAX_NAMES_BYTES = 1 << 20;

/**
 * Reads the file header, the section headers and their name table (a few kB), nothing else.
 * @returns nothing for what is not a 64-bit little-endian ELF file or has no section headers.
 */
export function readElfSectionNames(file: RandomAccessFile): ReadonlySet<string> {
  const none: ReadonlySet<string> = new Set();
  const header = file.read(0, EHDR_SIZE);
  if (header.length < EHDR_SIZE || header.readUInt32LE(0) !== ELF_MAGIC) return none;
  if (header[EI_CLASS] !== ELFCLASS64 || header[EI_DATA] !== ELFDATA2LSB) return none;

  const entrySize = header.readUInt16LE(E_SHENTSIZE);
  const count = Math.min(header.readUInt16LE(E_SHNUM), MAX_SECTIONS);
  const namesIndex = header.readUInt16LE(E_SHSTRNDX);
  if (entrySize < SHDR_SIZE || namesIndex >= count) return none;
  const sections = file.read(Number(header.readBigUInt64LE(E_SHOFF)), entrySize * count);
  if (sections.length < entrySize * count) return none;

  const namesHeader = namesIndex * entrySize;
  const namesSize = Number(sections.readBigUInt64LE(namesHeader + SH_SIZE));
  const table = file.read(Number(sections.readBigUInt64LE(namesHeader + SH_OFFSET)), Math.min(namesSize, MAX_NAMES_BYTES));

  const names = new Set<string>();
  for (let index = 0; index < count; index++) {
    const start = sections.readUInt32LE(index * entrySize);
    const end = table.indexOf(0, start);
    if (end > start) names.add(table.toString('latin1', start, end));
  }
  return names;
}
