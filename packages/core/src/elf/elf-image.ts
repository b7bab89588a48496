// SPDX-License-Identifier: Apache-2.0
/** An executable or library as far as runtime probes need it: where a symbol lies, and which byte of the file that is. */
import type { RandomAccessFile } from '../process/proc-fs.js';
import { type ElfRelocations, readRelocations } from './elf-relocations.js';
import { type ElfSection, readElfSections } from './elf-sections.js';
import { type ElfSymbols, readElfSymbols } from './elf-symbols.js';

/** e_entry, in the file's header. */
const ENTRY = 24;
const SHT_SYMTAB = 2;
const SHT_RELA = 4;
const SHT_NOBITS = 8;
const SHT_DYNSYM = 11;
const SHF_ALLOC = 2;

const MAX_RELOCATION_BYTES = 1 << 26;

/** Addresses are the file's own, before it is loaded anywhere. Reads lazily; holds the file open until disposed. */
export class ElfImage implements Disposable {
  readonly #file: RandomAccessFile;
  readonly sections: readonly ElfSection[];
  #relocations: ElfRelocations | undefined;

  private constructor(file: RandomAccessFile, sections: readonly ElfSection[]) {
    this.#file = file;
    this.sections = sections;
  }

  /** @returns nothing for what is not a 64-bit little-endian ELF file with section headers; the file is closed then. */
  static open(file: RandomAccessFile): ElfImage | undefined {
    const sections = readElfSections(file);
    if (sections) return new ElfImage(file, sections);
    file[Symbol.dispose]();
    return undefined;
  }

  /** Address where a process begins that runs this file. */
  get entry(): number {
    return Number(this.#file.read(ENTRY, 8).readBigUInt64LE());
  }

  /** Addresses of those of `names` that the file defines; exported ones first, then those that only an unstripped file has. */
  symbols(names: ReadonlySet<string>): ElfSymbols {
    const found: ElfSymbols = new Map();
    for (const type of [SHT_DYNSYM, SHT_SYMTAB]) {
      if (found.size === names.size) break;
      for (const table of this.sections) {
        const strings = this.sections[table.link];
        if (table.type === type && strings) readElfSymbols(this.#bytesOf(table), this.#bytesOf(strings), names, found);
      }
    }
    return found;
  }

  /** Where in the file the byte at this address is; undefined for what is not in the file (.bss) or in no section. */
  offsetOf(address: number): number | undefined {
    const section = this.sectionAt(address);
    return section && section.type !== SHT_NOBITS ? address - section.address + section.offset : undefined;
  }

  sectionAt(address: number): ElfSection | undefined {
    return this.sections.find((section) => section.flags & SHF_ALLOC && address >= section.address && address < section.address + section.size);
  }

  /** Up to `length` bytes at an address, fewer where its section ends. */
  read(address: number, length: number): Buffer {
    const section = this.sectionAt(address);
    const offset = this.offsetOf(address);
    if (section === undefined || offset === undefined) return Buffer.alloc(0);
    return this.#file.read(offset, Math.min(length, section.address + section.size - address));
  }

  /** The bytes of a section that is loaded; empty for .bss. */
  data(section: ElfSection): Buffer {
    return section.flags & SHF_ALLOC ? this.#bytesOf(section) : Buffer.alloc(0);
  }

  /** The pointer that is at `address` once the file is loaded, as an address of the file; undefined for pointers to other files. */
  pointer(address: number): number | undefined {
    const relocated = this.relocations().get(address);
    if (relocated !== undefined) return relocated;
    const bytes = this.read(address, 8);
    return bytes.length < 8 ? undefined : Number(bytes.readBigUInt64LE());
  }

  /** Places that the loader fills with an address of this file. @throws RangeError for more than any program has: files of any user are read */
  relocations(): ElfRelocations {
    if (this.#relocations) return this.#relocations;
    const tables = this.sections.filter(({ type, flags }) => type === SHT_RELA && flags & SHF_ALLOC);
    const bytes = tables.reduce((sum, { size }) => sum + size, 0);
    if (bytes > MAX_RELOCATION_BYTES) throw new RangeError(`it has ${bytes} bytes of relocations, more than ${MAX_RELOCATION_BYTES}`);
    this.#relocations = readRelocations(tables.map((section) => this.#bytesOf(section)));
    return this.#relocations;
  }

  #bytesOf(section: ElfSection): Buffer {
    return section.type === SHT_NOBITS ? Buffer.alloc(0) : this.#file.read(section.offset, section.size);
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}
