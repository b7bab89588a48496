// SPDX-License-Identifier: Apache-2.0
/** Extension modules of the standard library: inside the interpreter, or files of their own, loaded already or not yet. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { Interpreter } from './interpreter.js';
import { openProcessFile, type ProcessFile } from './mapped-file.js';
import type { Mapping } from './memory-map.js';

/** Calls `use` with the file that may hold the module, and closes it. First answer that is not undefined. */
export function inModule<T>(
  pid: number,
  module: string,
  interpreter: Interpreter,
  mappings: readonly Mapping[],
  use: (file: ProcessFile) => T | undefined,
): T | undefined {
  const named = new RegExp(`/${module}\\.[^/]*\\.so$|/${module}\\.so$`);
  const mapped = mappings.find((mapping) => mapping.executable && named.test(mapping.path));
  const name = mapped?.path ?? notLoadedYet(pid, module, interpreter, mappings);
  using file = name === undefined ? undefined : openProcessFile(pid, name, mapped);
  return (file && use(file)) ?? use(interpreter.file);
}

function notLoadedYet(pid: number, module: string, interpreter: Interpreter, mappings: readonly Mapping[]): string | undefined {
  const loaded = mappings.find(({ path: file }) => file.includes('/lib-dynload/'))?.path;
  const folders = [
    ...(loaded ? [path.dirname(loaded)] : []),
    path.join(path.dirname(interpreter.file.name), `../lib/python3.${interpreter.minor}/lib-dynload`),
    path.join(path.dirname(interpreter.file.name), `python3.${interpreter.minor}/lib-dynload`),
  ];
  for (const folder of folders) {
    try {
      const file = readdirSync(`/proc/${pid}/root${folder}`).find((entry) => entry.startsWith(`${module}.`) && entry.endsWith('.so'));
      if (file) return path.join(folder, file);
    } catch {
      // Not a folder of this build.
    }
  }
  return undefined;
}
