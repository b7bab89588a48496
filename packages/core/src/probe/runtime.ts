// SPDX-License-Identifier: Apache-2.0
/** What a runtime probe adds to its BPF programs in user space: it finds out whether it can serve a process, and sets that up. */
import type { MapHandle } from '../kernel/kernel.js';
import type { TracedProcess } from '../process/index.js';

/**
 * Where the threads of a process keep the id of the scope that they execute (`struct obi_chain` in bpf/include/obi/scope.bpf.h):
 * from `base`, for each step, add the offset and read the pointer that stands there. The last pointer is the id; 0: none.
 */
export interface ScopeChain {
  /** Address in the process, or (`fromThreadPointer`) offset from each thread's own pointer. */
  readonly base: bigint;
  /** Bytes, one per step; at most 6. */
  readonly offsets: readonly number[];
  readonly fromThreadPointer?: boolean;
  /** Whatever it leads to is a scope, whether anybody declared it or not; the thread itself then never is one. */
  readonly exhaustive?: boolean;
}

export interface UprobePlace {
  /** File as obi can open it, e.g. `/proc/<pid>/root/usr/lib/…`. */
  readonly path: string;
  /** In the file. */
  readonly offset: number;
  readonly return?: boolean;
}

/** What a driver may do in the kernel for one process. Everything is undone when the process ends, is deselected, or obi stops. */
export interface RuntimeKernel {
  setChain(chain: ScopeChain): void;
  /** Attaches a program of the probe's own object, for this process only. @throws KernelError */
  uprobe(program: string, place: UprobePlace): void;
  /** Did this kernel, and the configuration, let a program of the probe's own object in? */
  has(program: string): boolean;
  /** A map of the probe's own object, or a shared one. */
  map(name: string): MapHandle;
}

export type RuntimeOutcome =
  /** From now on the kernel trusts what the probe declares for this process. */
  | { readonly state: 'scoped'; readonly note?: string }
  /** The process stays as it was: `reason` says what was found, and what would have to be different. */
  | { readonly state: 'refused'; readonly reason: string };

/** One instance per obi process. Methods for different processes may run side by side. */
export interface RuntimeDriver {
  /** Cheap, from what discovery knows; called again when a process executes another program. */
  appliesTo(process: TracedProcess): boolean;
  /**
   * Identifies the process beyond doubt before anything is done to it, then sets it up. Must end soon after `signal` is aborted (process gone, obi stops);
   * a rejection counts as refusal with its message.
   */
  attach(process: TracedProcess, kernel: RuntimeKernel, signal: AbortSignal): Promise<RuntimeOutcome>;
  /** Undoes what attach did inside the process. Not called for processes that have ended. */
  detach?(process: TracedProcess): Promise<void>;
  /** Deletes what the tables of the probe's own object still hold for processes that were served and are not any more. Called at most once a second. */
  sweep?(ended: ReadonlySet<number>, map: (name: string) => MapHandle): void;
}

/** The probe's own checked section of the configuration (`probes.<id>`), for its decoders and its driver. */
export const ProbeSection = Symbol.for('obi.ProbeSection');
