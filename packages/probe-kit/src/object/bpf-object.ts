// SPDX-License-Identifier: Apache-2.0
/** A built BPF object as obi-gen and the conformance suite see it. */
import type { MapEntry } from '@obi/core';
import { Btf } from '../btf/btf.js';
import { cString, type ElfFile, readElf, viewOf } from '../elf/elf-file.js';
import { readMaps } from './maps.js';
import { type ObjectProgram, readPrograms } from './programs.js';

/** Global that carries the number of the C SDK an object was compiled against. */
export const ABI_VARIABLE = 'obi_abi';

export interface BpfObject {
  /** How the object is called in messages. */
  readonly label: string;
  readonly btf: Btf;
  readonly programs: readonly ObjectProgram[];
  readonly maps: readonly MapEntry[];
  /** Content of the licence section, undefined when there is none. */
  readonly licence: string | undefined;
  /** Value of `obi_abi`, undefined when the object has no such global. */
  readonly abi: number | undefined;
}

/** @param label used in messages, e.g. the path. @throws Error starting with `label` when the object cannot be understood. */
export function readBpfObject(bytes: Uint8Array, label: string): BpfObject {
  try {
    const elf = readElf(bytes);
    const section = elf.section('.BTF');
    if (section === undefined) throw new Error('no .BTF section: compile with -g');
    const btf = new Btf(section.data);
    const licence = elf.section('license')?.data;
    return { label, btf, programs: readPrograms(elf), maps: readMaps(btf), licence: licence && cString(licence, 0), abi: readAbi(elf) };
  } catch (cause) {
    throw new Error(`${label}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function readAbi(elf: ElfFile): number | undefined {
  const symbol = elf.symbols.find(({ name, section }) => name === ABI_VARIABLE && section !== 0);
  const section = symbol && elf.sections[symbol.section];
  if (symbol === undefined || section === undefined) return undefined;
  if (symbol.size !== 4) throw new Error(`${ABI_VARIABLE} has ${symbol.size} bytes, expected a __u32`);
  return viewOf(section.data).getUint32(symbol.value, true);
}
