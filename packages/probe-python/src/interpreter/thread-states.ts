// SPDX-License-Identifier: Apache-2.0
/** The interpreter's own list of its threads, read from the process. */
import { existsSync } from 'node:fs';
import { type Layout, OB_TYPE } from '../offsets/layouts.js';
import { sameNamespace } from './pid-namespace.js';
import type { ProcessMemory } from './process-memory.js';

export interface ThreadState {
  /** Of the PyThreadState. */
  readonly address: number;
  /** pthread_self() of its thread. */
  readonly thread: number;
}

const MAX_THREADS = 4096;

/** `starting`: no thread yet, ask again later; `wrong`: not what the layout says; `several`: more than one interpreter. */
export type ThreadStates = { readonly states: readonly ThreadState[] } | { readonly fault: 'starting' | 'wrong' | 'several' };

/** The list changes while it is read: states that do not look right are left out, and one good one is enough. */
export function readThreadStates(pid: number, memory: ProcessMemory, runtime: number, contextType: number, layout: Layout): ThreadStates {
  const main = memory.pointer(runtime + layout.interpretersMain);
  if (main === 0) return { fault: 'starting' };
  if (memory.pointer(runtime + layout.interpretersHead) !== main || memory.pointer(main + layout.nextInterpreter) !== 0) return { fault: 'several' };
  const states: ThreadState[] = [];
  let wrong = 0;
  let address = memory.pointer(main + layout.firstThread);
  for (let count = 0; address !== 0 && count < MAX_THREADS; count++) {
    const thread = memory.pointer(address + layout.threadId);
    if (isState(pid, memory, address, thread, main, contextType, layout)) states.push({ address, thread });
    else wrong++;
    address = memory.pointer(address + layout.nextThread);
  }
  if (states.length > 0) return { states };
  return { fault: wrong === 0 ? 'starting' : 'wrong' };
}

function isState(pid: number, memory: ProcessMemory, address: number, thread: number, main: number, contextType: number, layout: Layout): boolean {
  if (memory.pointer(address + layout.interpreter) !== main) return false;
  // The word at the thread pointer is its own address: the x86-64 ABI for thread-local storage says so.
  if (thread === 0 || memory.pointer(thread) !== thread) return false;
  const native = layout.nativeThreadId === undefined ? undefined : memory.read(address + layout.nativeThreadId, 8)?.readBigUInt64LE();
  // In another pid namespace its number there differs; in ours it must be one of the process's threads.
  if (native === 0n || (native !== undefined && sameNamespace(pid) && !existsSync(`/proc/${pid}/task/${native}`))) return false;
  const context = memory.pointer(address + layout.context);
  return context === 0 || memory.pointer(context + OB_TYPE) === contextType;
}
