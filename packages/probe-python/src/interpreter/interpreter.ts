// SPDX-License-Identifier: Apache-2.0
/** The CPython in a process: the executable itself, or a libpython. */
import type { ElfSymbols } from '@obi/core/probe';
import { LAYOUTS } from '../offsets/layouts.js';
import { loadBias, openProcessFile, type ProcessFile } from './mapped-file.js';
import type { Mapping } from './memory-map.js';
import type { ProcessMemory } from './process-memory.js';

const LIBPYTHON = /\/libpython3\.\d+[a-z]*\.so[^/]*$/;
const NAMED_VERSION = /python3\.(\d+)([a-z]*)(?:[^/]*)$/;

/** What is asked of the interpreter's symbols. All but the first are checked where they are used. */
const SYMBOLS = new Set([
  '_PyRuntime',
  'Py_Version',
  'PyContext_Type',
  'PyContext_CopyCurrent',
  'PyThreadState_Clear',
  'PySet_Add',
  'Py_NewInterpreter',
  'Py_NewInterpreterFromConfig',
]);

export interface Interpreter extends Disposable {
  readonly file: ProcessFile;
  /** Minor version of Python 3. */
  readonly minor: number;
  /** Built without GIL. */
  readonly freeThreaded: boolean;
  readonly bias: number;
  readonly symbols: ElfSymbols;
  /** Address in the process. */
  address(symbol: string): number | undefined;
}

/** @returns why not, as a sentence's end, when there is none that can be read. */
export function findInterpreter(pid: number, exe: string, mappings: readonly Mapping[], memory: ProcessMemory): Interpreter | string {
  const named = mappings.filter(({ path, executable }) => executable && LIBPYTHON.test(path));
  const candidates = named.length > 0 ? named : mappings.filter(({ path, executable }) => executable && path === exe);
  for (const mapping of candidates) {
    const file = openProcessFile(pid, mapping.path, mapping);
    if (!file) continue;
    const symbols = file.image.symbols(SYMBOLS);
    const bias = loadBias(
      file.image,
      mappings.filter(({ inode, path }) => inode === mapping.inode && path === mapping.path),
    );
    if (!symbols.has('_PyRuntime') || bias === undefined) {
      file[Symbol.dispose]();
      continue;
    }
    const address = (symbol: string) => {
      const found = symbols.get(symbol);
      return found && found.address + bias;
    };
    const version = versionOf(file.name, address('Py_Version'), memory);
    if (version) return { file, bias, symbols, address, ...version, [Symbol.dispose]: () => file[Symbol.dispose]() };
    file[Symbol.dispose]();
    return `the version of ${file.name} is not known (no symbol Py_Version, and its name says nothing)`;
  }
  return `neither ${exe} nor a libpython has the symbol _PyRuntime: this build hides it`;
}

function versionOf(name: string, pyVersion: number | undefined, memory: ProcessMemory): { minor: number; freeThreaded: boolean } | undefined {
  const [, minorName, suffix = ''] = NAMED_VERSION.exec(name) ?? [];
  const freeThreaded = suffix.includes('t');
  // PY_VERSION_HEX, since 3.11: 0x030b07f0.
  const hex = pyVersion === undefined ? undefined : memory.read(pyVersion, 4)?.readUInt32LE();
  if (hex !== undefined && hex >>> 24 === 3) return { minor: (hex >>> 16) & 0xff, freeThreaded };
  return minorName === undefined ? undefined : { minor: Number(minorName), freeThreaded };
}

/** Why this interpreter is left alone, or undefined. */
export function unsupported({ minor, freeThreaded, symbols, file }: Interpreter): string | undefined {
  if (!LAYOUTS[minor]) return `CPython 3.${minor} is not known (3.9 to 3.13 are)`;
  if (freeThreaded) return `${file.name} is a free-threaded build, which is not known`;
  for (const symbol of ['PyContext_CopyCurrent', 'PyContext_Type']) if (!symbols.has(symbol)) return `${file.name} hides the symbol ${symbol}`;
  return undefined;
}
