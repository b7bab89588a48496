// SPDX-License-Identifier: Apache-2.0
/** From a process id to what has to be set up for it: positive identification on the live process, by reading only. */
import { findInterpreter, unsupported } from '../interpreter/interpreter.js';
import { readMappings } from '../interpreter/memory-map.js';
import { ProcessMemory } from '../interpreter/process-memory.js';
import { findThreadSlot } from '../interpreter/thread-slot.js';
import { readThreadStates } from '../interpreter/thread-states.js';
import { LAYOUTS } from '../offsets/layouts.js';
import { type Hook, hooksAt, interpreterHooks, libraryHooks } from './hooks.js';

export interface Plan {
  readonly version: string;
  /** From the thread pointer to the thread's PyThreadState. */
  readonly slot: number;
  /** From there to its PyContext. */
  readonly context: number;
  readonly hooks: readonly Hook[];
  /** For uvloop, where that is loaded. */
  readonly queued: readonly Hook[];
  /** Python names of functions that were not found: what goes through them stays unknown. */
  readonly missing: readonly string[];
}

export type Inspection = { readonly plan: Plan } | { readonly refused: string } | { readonly starting: true };

/** @param arch of this machine, as Node names it @throws when the process is gone or may not be read */
export function inspect(pid: number, exe: string, arch: string = process.arch): Inspection {
  if (arch !== 'x64') return { refused: `where a thread keeps its state is not known on ${arch}` };
  const mappings = readMappings(pid);
  using memory = new ProcessMemory(pid);
  const interpreter = findInterpreter(pid, exe, mappings, memory);
  if (typeof interpreter === 'string') return { refused: interpreter };
  using _ = interpreter;
  const layout = LAYOUTS[interpreter.minor];
  const refused = unsupported(interpreter);
  if (refused !== undefined || !layout) return { refused: refused ?? '' };
  const version = `CPython 3.${interpreter.minor}`;

  const threads = readThreadStates(pid, memory, interpreter.address('_PyRuntime') ?? 0, interpreter.address('PyContext_Type') ?? 0, layout);
  if ('fault' in threads) {
    if (threads.fault === 'starting') return { starting: true };
    if (threads.fault === 'several') return { refused: `${version} runs sub-interpreters: a thread has several states` };
    return { refused: `${interpreter.file.name} is laid out otherwise than ${version} (a debug build?)` };
  }
  const slot = findThreadSlot(memory, threads.states);
  if (slot === undefined) return { refused: `no thread of ${version} keeps its state where the C library keeps the value of a key` };

  const core = interpreterHooks(interpreter, memory);
  if (typeof core === 'string') return { refused: core };
  const libraries = libraryHooks(pid, interpreter, mappings);
  const queued = hooksAt(interpreter.file, interpreter.symbols.get('PySet_Add')?.address, 'py_uv_queue');
  return { plan: { version, slot, context: layout.context, hooks: [...core, ...libraries.hooks], queued, missing: libraries.missing } };
}
