// SPDX-License-Identifier: Apache-2.0
/** uvloop's module, which carries libuv inside: its functions are told by the symbols that its wheels keep. */
import { openProcessFile } from '../interpreter/mapped-file.js';
import type { Mapping } from '../interpreter/memory-map.js';
import { type Hook, hooksAt } from './hooks.js';

const MODULE = /\/uvloop\/loop\.[^/]*\.so$/;

const FUNCTIONS: Readonly<Record<string, readonly string[]>> = {
  uv__read: ['py_uv_read', 'py_uv_done'],
  __pyx_f_6uvloop_4loop_12TCPTransport__call_connection_made: ['py_uv_made', 'py_uv_done'],
  __pyx_f_6uvloop_4loop_8UVStream__exec_write: ['py_uv_write'],
};

/**
 * @param queued where the interpreter's PySet_Add is: what uvloop queues goes through it, while its own function is inlined in most builds
 * @returns undefined: not loaded; a sentence: loaded, but this build hides what is needed.
 */
export function uvloopHooks(pid: number, mappings: readonly Mapping[], queued: readonly Hook[]): Hook[] | string | undefined {
  const mapping = mappings.find(({ executable, path }) => executable && MODULE.test(path));
  if (!mapping) return undefined;
  using file = openProcessFile(pid, mapping.path, mapping);
  if (!file) return `${mapping.path} cannot be read`;
  const symbols = file.image.symbols(new Set(Object.keys(FUNCTIONS)));
  const hidden = Object.keys(FUNCTIONS).filter((name) => !symbols.has(name));
  // All or none: an announcement that nobody replaces would name the wrong request.
  if (queued.length === 0) return 'the interpreter hides PySet_Add: requests under uvloop have no known parent';
  if (hidden.length > 0) return `${mapping.path} was stripped of the symbols of ${hidden.join(', ')}: its requests have no known parent`;
  return [...queued, ...Object.entries(FUNCTIONS).flatMap(([name, programs]) => hooksAt(file, symbols.get(name)?.address, ...programs))];
}
