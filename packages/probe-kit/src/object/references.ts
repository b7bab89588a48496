// SPDX-License-Identifier: Apache-2.0
/** What a stretch of BPF instructions refers to: helpers, other functions, maps. */
import { type ElfFile, type ElfSection, SHF_EXECINSTR, SymbolType, viewOf } from '../elf/elf-file.js';

const INSN_BYTES = 8;
const OP_CALL = 0x85;
const OP_LD_IMM64 = 0x18;
/** `src_reg` of a call: helper, function of this object, kernel function. */
const CALL_HELPER = 0;
const CALL_FUNCTION = 1;

/** A place in a section with instructions. */
export interface CodeAddress {
  readonly section: number;
  readonly offset: number;
}
export interface References {
  readonly helpers: readonly number[];
  /** Functions called, and functions whose address is taken (callbacks of bpf_loop and the like). */
  readonly functions: readonly CodeAddress[];
  readonly maps: readonly string[];
}

/** Decodes `section[start, end)`; both are byte offsets. */
export function references(elf: ElfFile, section: ElfSection, start: number, end: number): References {
  const view = viewOf(section.data);
  const relocations = new Map(elf.relocations(section.index).map((relocation) => [relocation.offset, relocation.symbol]));
  const helpers: number[] = [];
  const functions: CodeAddress[] = [];
  const maps: string[] = [];
  for (let at = start; at + INSN_BYTES <= end; at += INSN_BYTES) {
    const opcode = view.getUint8(at);
    const source = view.getUint8(at + 1) >> 4;
    const imm = view.getInt32(at + 4, true);
    const symbol = relocations.get(at);
    if (opcode === OP_CALL && source === CALL_HELPER) helpers.push(imm);
    else if (opcode === OP_CALL && source === CALL_FUNCTION) {
      const relative = (imm + 1) * INSN_BYTES;
      if (symbol === undefined) functions.push({ section: section.index, offset: at + relative });
      // An undefined symbol is a kernel function; libbpf resolves it by name.
      else if (symbol.section !== 0) functions.push({ section: symbol.section, offset: symbol.value + (symbol.type === SymbolType.SECTION ? relative : 0) });
    } else if (opcode === OP_LD_IMM64) {
      const target = symbol === undefined ? undefined : elf.sections[symbol.section];
      if (symbol !== undefined && target?.name === '.maps') maps.push(mapName(elf, symbol.section, symbol.type === SymbolType.SECTION ? imm : symbol.value));
      else if (symbol !== undefined && target !== undefined && (target.flags & SHF_EXECINSTR) !== 0)
        functions.push({ section: symbol.section, offset: symbol.value + (symbol.type === SymbolType.SECTION ? imm : 0) });
      at += INSN_BYTES; // the constant's upper half is a second instruction slot
    }
  }
  return { helpers, functions, maps };
}

function mapName(elf: ElfFile, section: number, offset: number): string {
  const symbol = elf.symbols.find((candidate) => candidate.section === section && candidate.value === offset && candidate.type === SymbolType.OBJECT);
  if (symbol === undefined) throw new Error(`.maps: no map at offset ${offset}`);
  return symbol.name;
}
