// SPDX-License-Identifier: Apache-2.0
/** The programs of an object and what each of them, with all functions that it calls, uses of the kernel. */
import type { ProgramEntry } from '@obi/core';
import { type ElfFile, type ElfSymbol, SHF_EXECINSTR, SymbolType } from '../elf/elf-file.js';
import { HELPER_NAMES } from './helper-names.js';
import { references } from './references.js';
import { programTypeOfSection } from './section-types.js';

export interface ObjectProgram extends ProgramEntry {
  /** Names of the maps that it uses, sorted. */
  readonly maps: readonly string[];
}

/** Programs are the functions of every executable section but `.text`, which holds what they call. In the order of the file. */
export function readPrograms(elf: ElfFile): ObjectProgram[] {
  return elf.sections
    .filter((section) => (section.flags & SHF_EXECINSTR) !== 0 && section.name !== '.text')
    .flatMap((section) => functionsOf(elf, section.index).map((symbol) => readProgram(elf, section.name, symbol)));
}

function readProgram(elf: ElfFile, section: string, symbol: ElfSymbol): ObjectProgram {
  const helpers = new Set<string>();
  const maps = new Set<string>();
  const seen = new Set<ElfSymbol>();
  const todo = [symbol];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const code = elf.sections[next.section];
    if (seen.has(next) || code === undefined) continue;
    seen.add(next);
    const found = references(elf, code, next.value, next.value + next.size);
    for (const id of found.helpers) helpers.add(HELPER_NAMES[id] ?? `helper_${id}`);
    for (const map of found.maps) maps.add(map);
    for (const address of found.functions) {
      const callee = functionsOf(elf, address.section).find(
        (candidate) => address.offset >= candidate.value && address.offset < candidate.value + candidate.size,
      );
      if (callee === undefined) throw new Error(`program ${symbol.name}: calls section ${address.section} offset ${address.offset}, where no function is`);
      todo.push(callee);
    }
  }
  return { name: symbol.name, section: section.replace(/^\?/, ''), type: programTypeOfSection(section), helpers: [...helpers].sort(), maps: [...maps].sort() };
}

function functionsOf(elf: ElfFile, section: number): ElfSymbol[] {
  return elf.symbols.filter((symbol) => symbol.section === section && symbol.type === SymbolType.FUNC).sort((a, b) => a.value - b.value);
}
