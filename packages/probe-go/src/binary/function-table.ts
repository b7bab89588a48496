// SPDX-License-Identifier: Apache-2.0
/**
 * Where Go functions begin: the table that every Go program carries for its stack traces ("pclntab", runtime.pcHeader in Go's runtime/symtab.go), so that
 * stripped programs tell it too.
 */
import type { ElfImage, ElfSection } from '@obi/core/probe';

/** First word of the table: since Go 1.18, and since 1.20. */
const MAGICS: ReadonlySet<number> = new Set([0xfffffff0, 0xfffffff1]);
/** Some hundred MB of code have tables of this size. */
const MAX_TABLE_BYTES = 1 << 27;
/** In runtime.pcHeader. */
const FUNCTIONS = 8;
const TEXT_START = 24;
const NAMES = 32;
const COMPILATION_UNITS = 40;
const LINES = 64;
const HEADER_BYTES = 72;
/** u32 entry, u32 place of its runtime._func. */
const ENTRY_BYTES = 8;
/** In runtime._func. */
const FUNC_NAME = 4;
/** In runtime.moduledata: text, which the header itself does not tell since Go 1.26. */
const MODULE_TEXT = 176;
const MODULE_MIN_PC = 160;

export interface GoFunction {
  readonly address: number;
  /** Where the next one begins. */
  readonly end: number;
}
export type GoFunctions = ReadonlyMap<string, GoFunction>;

/** @returns those of `names` that the program has; undefined when it carries no table that is known. */
export function findFunctions(image: ElfImage, names: readonly string[]): GoFunctions | undefined {
  const section = image.sections.find(({ name }) => name.endsWith('.gopclntab'));
  if (!section || section.size > MAX_TABLE_BYTES) return undefined;
  const table = image.data(section);
  if (table.length < HEADER_BYTES || !MAGICS.has(table.readUInt32LE(0)) || table[7] !== 8) return undefined;
  const word = (at: number) => Number(table.readBigUInt64LE(at));
  const count = word(FUNCTIONS);
  const lines = table.subarray(word(LINES));
  // Behind the last one stands where it ends.
  if (count === 0 || count * ENTRY_BYTES + 4 > lines.length) return undefined;
  const text = textStart(image, section, lines.readUInt32LE(0));
  if (text === undefined) return undefined;

  const wanted = offsetsOf(table.subarray(word(NAMES), word(COMPILATION_UNITS)), names);
  const found = new Map<string, GoFunction>();
  const entry = (n: number) => text + lines.readUInt32LE(n * ENTRY_BYTES);
  for (let n = 0; n < count && found.size < wanted.size; n++) {
    const at = lines.readUInt32LE(n * ENTRY_BYTES + 4) + FUNC_NAME;
    const name = at + 4 <= lines.length ? wanted.get(lines.readUInt32LE(at)) : undefined;
    if (name !== undefined) found.set(name, { address: entry(n), end: entry(n + 1) });
  }
  return found;
}

/** Place in the table of names → name. */
function offsetsOf(table: Buffer, names: readonly string[]): ReadonlyMap<number, string> {
  const offsets = new Map<number, string>();
  for (const name of names) {
    // Between two ends: other names end in this one. The first name of the table is empty.
    const at = table.indexOf(Buffer.from(`\0${name}\0`, 'latin1'));
    if (at >= 0) offsets.set(at + 1, name);
  }
  return offsets;
}

/** What the table's entries count from. `first`: the first entry, which the module's lowest address must confirm. */
function textStart(image: ElfImage, table: ElfSection, first: number): number | undefined {
  const told = image.pointer(table.address + TEXT_START);
  if (told) return told;
  const module = image.sections.find(({ name }) => name === '.go.module');
  if (!module) return undefined;
  const text = image.pointer(module.address + MODULE_TEXT);
  return text !== undefined && text + first === image.pointer(module.address + MODULE_MIN_PC) ? text : undefined;
}
