// SPDX-License-Identifier: Apache-2.0
/** What discovery says about the processes that are traced, and whom it tells. */
import type { ProcessResource } from '../span/process-resource.js';
import type { ExecutionModel } from './execution-model.js';

/** One selected process as it was seen last. Immutable: a change is a new object. */
export interface TracedProcess {
  /** Root pid namespace. */
  readonly pid: number;
  /** Clock ticks between boot and its start; with `pid` the identity of a process, since pids are used again. */
  readonly startTime: number;
  /**
   * How many programs it was seen to execute since it is traced. Another number is another memory, be it of the same file with the same arguments: what was
   * set up in the process is gone, in the kernel too. Always there in what discovery says; a process made by hand may leave it out.
   */
  readonly execs?: number;
  readonly exe: string;
  readonly cmdline: readonly string[];
  readonly executionModel: ExecutionModel;
  /** See {@link ProcessTraits.fionreadSafe}. */
  readonly fionreadSafe: boolean;
  readonly resource: ProcessResource;
}

/** Why a process is no longer traced: it ended, its pid belongs to another process now, or the rules no longer select it (after an exec or a listen). */
export type DeselectReason = 'exit' | 'replaced' | 'rules';

/** Told synchronously, in the order of the events. Must not call the table back. */
export interface ProcessListener {
  /** A process is traced from now on; again for the same pid when something about it changed (then this replaces what was said before). */
  selected(process: TracedProcess): void;
  deselected(pid: number, reason: DeselectReason): void;
  /** Said once, when the first are found: living processes that the rules may want, but of which not even the executable may be read. */
  unreadable?(pids: readonly number[]): void;
}
