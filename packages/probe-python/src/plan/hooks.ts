// SPDX-License-Identifier: Apache-2.0
/** Which program of bpf/python.bpf.c hangs on which function. */
import type { Interpreter } from '../interpreter/interpreter.js';
import type { ProcessFile } from '../interpreter/mapped-file.js';
import type { Mapping } from '../interpreter/memory-map.js';
import { findMethods } from '../interpreter/method-table.js';
import { inModule } from '../interpreter/modules.js';
import { cheapEntry } from '../interpreter/patch-point.js';
import type { ProcessMemory } from '../interpreter/process-memory.js';
import { TP_DEALLOC } from '../offsets/layouts.js';

export interface Hook {
  readonly program: string;
  readonly path: string;
  /** In the file. */
  readonly offset: number;
  readonly return: boolean;
}

/** Bytes that {@link cheapEntry} looks at. */
const PROLOGUE = 16;
const ON_RETURN: ReadonlySet<string> = new Set(['py_copied', 'py_accepted', 'py_got', 'py_uv_done']);

/** At the function at `address` of this file; nothing when that is no code of the file. */
export function hooksAt(file: ProcessFile, address: number | undefined, ...programs: readonly string[]): Hook[] {
  const start = address === undefined ? undefined : file.image.offsetOf(address);
  if (address === undefined || start === undefined) return [];
  const offset = start + cheapEntry(file.image.read(address, PROLOGUE));
  return programs.map((program) => ({ program, path: file.path, offset, return: ON_RETURN.has(program) }));
}

/** Contexts and threads. @returns a sentence's end when this build does not show what is needed. */
export function interpreterHooks({ file, bias, symbols, address }: Interpreter, memory: ProcessMemory): Hook[] | string {
  const at = (symbol: string) => symbols.get(symbol)?.address;
  const type = address('PyContext_Type');
  const dealloc = type === undefined ? 0 : memory.pointer(type + TP_DEALLOC);
  const freed = hooksAt(file, dealloc === 0 ? undefined : dealloc - bias, 'py_freed');
  if (freed.length === 0) return `PyContext_Type of ${file.name} does not name its destructor`;
  return [
    ...hooksAt(file, at('PyContext_CopyCurrent'), 'py_copied'),
    ...freed,
    ...hooksAt(file, at('PyThreadState_Clear'), 'py_ended'),
    ...hooksAt(file, at('Py_NewInterpreter'), 'py_several'),
    ...hooksAt(file, at('Py_NewInterpreterFromConfig'), 'py_several'),
  ];
}

/** Thread pools, and the connections that asyncio accepts. What is not found stays unknown; `missing` says it. */
export function libraryHooks(
  pid: number,
  interpreter: Interpreter,
  mappings: readonly Mapping[],
): { readonly hooks: readonly Hook[]; readonly missing: readonly string[] } {
  const queue = inModule(pid, '_queue', interpreter, mappings, (file) => {
    const methods = findMethods(file.image, ['put_nowait', 'put', 'get', 'get_nowait']);
    return (
      methods &&
      ['put', 'put_nowait', 'get', 'get_nowait'].flatMap((method) => hooksAt(file, methods.get(method), ...QUEUE[method.slice(0, 3) as 'put' | 'get']))
    );
  });
  const socket = inModule(pid, '_socket', interpreter, mappings, (file) => {
    const methods = findMethods(file.image, ['_accept', 'bind', 'getsockname']);
    return methods && hooksAt(file, methods.get('_accept'), 'py_accepted');
  });
  const missing = [...(queue ? [] : ['queue.SimpleQueue']), ...(socket ? [] : ['socket.accept'])];
  return { hooks: [...(queue ?? []), ...(socket ?? [])], missing };
}

const QUEUE = { put: ['py_put'], get: ['py_get', 'py_got'] } as const;
