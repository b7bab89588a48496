// SPDX-License-Identifier: Apache-2.0
/** C functions behind Python methods, found through the module's PyMethodDef tables: there in every build, also where all symbols were stripped. */
import type { ElfImage, ElfSection } from '@obi/core/probe';

const SHT_NOBITS = 8;
const SHF_WRITE = 1;
const SHF_ALLOC = 2;
const SHF_EXECINSTR = 4;

/** struct PyMethodDef { const char *ml_name; PyCFunction ml_meth; int ml_flags; const char *ml_doc; } */
const ENTRY = 32;
const FUNCTION = 8;
const MAX_ENTRIES = 200;
const MAX_NAME = 64;

/**
 * The table that holds all of `names`, found by the first of them (a rare one).
 * @returns method → address of its function in the file; undefined when there is no such table.
 */
export function findMethods(image: ElfImage, names: readonly [string, ...string[]]): ReadonlyMap<string, number> | undefined {
  for (const entry of entriesNamed(image, names[0])) {
    const table = readTable(image, entry);
    if (names.every((name) => table.has(name))) return table;
  }
  return undefined;
}

/** Addresses of pointers to this string: `ml_name` of some table, or something else. */
function* entriesNamed(image: ElfImage, name: string): Generator<number> {
  const strings = new Set<number>();
  const bytes = Buffer.from(`${name}\0`, 'latin1');
  for (const section of image.sections) {
    if (!(section.flags & SHF_ALLOC) || section.flags & (SHF_EXECINSTR | SHF_WRITE) || section.type === SHT_NOBITS) continue;
    const data = image.data(section);
    for (let at = data.indexOf(bytes); at >= 0; at = data.indexOf(bytes, at + 1)) strings.add(section.address + at);
  }
  if (strings.size === 0) return;
  for (const [place, target] of image.relocations()) if (strings.has(target)) yield place;
  for (const section of image.sections) if (section.flags & SHF_WRITE && section.type !== SHT_NOBITS) yield* pointersIn(image.data(section), section, strings);
}

function* pointersIn(data: Buffer, section: ElfSection, targets: ReadonlySet<number>): Generator<number> {
  for (let at = 0; at + 8 <= data.length; at += 8)
    if (data.readUInt32LE(at + 4) < 0x8000 && targets.has(data.readUInt32LE(at + 4) * 2 ** 32 + data.readUInt32LE(at))) yield section.address + at;
}

function readTable(image: ElfImage, entry: number): ReadonlyMap<string, number> {
  const methods = new Map<string, number>();
  for (const step of [-ENTRY, ENTRY]) {
    for (let at = step > 0 ? entry : entry + step, count = 0; count < MAX_ENTRIES; at += step, count++) {
      const name = nameAt(image, at);
      const address = image.pointer(at + FUNCTION);
      if (name === undefined || !address || !((image.sectionAt(address)?.flags ?? 0) & SHF_EXECINSTR)) break;
      methods.set(name, address);
    }
  }
  return methods;
}

function nameAt(image: ElfImage, entry: number): string | undefined {
  const pointer = image.pointer(entry);
  const bytes = pointer ? image.read(pointer, MAX_NAME) : undefined;
  const end = bytes?.indexOf(0) ?? -1;
  const name = bytes?.toString('latin1', 0, end);
  return end > 0 && name && /^[A-Za-z_]\w*$/.test(name) ? name : undefined;
}
