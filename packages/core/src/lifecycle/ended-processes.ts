// SPDX-License-Identifier: Apache-2.0
/** Clears the kernel's tables of what runtime probes declared for processes that have ended: a process that is gone tells the end of nothing. */
import { deleteEntries } from '../kernel/delete-entries.js';
import type { MapHandle } from '../kernel/kernel.js';
import type { Logger } from '../logging/logger.js';

/** `struct obi_scope`, `struct obi_request` in bpf/include/obi; `process`: where each names its own. */
export const SCOPE = { bytes: 56, process: 52 };
export const REQUEST = { bytes: 88, process: 72, inside: 78 };

/** Many processes may end in a second: one pass over a table for all of them. */
const INTERVAL_MS = 1000;

/** Deletes what one table or another holds for these processes. */
export type Sweep = (ended: ReadonlySet<number>) => void;

export class EndedProcesses {
  readonly #sweeps: Sweep[] = [];
  readonly #log: Logger;
  #ended = new Set<number>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(log: Logger) {
    this.#log = log;
  }

  onSweep(sweep: Sweep): void {
    this.#sweeps.push(sweep);
  }

  /** Its tables are swept soon; not when a process of that number is served again by then. */
  add(pid: number): void {
    if (this.#stopped) return;
    this.#ended.add(pid);
    this.#timer ??= setTimeout(() => this.sweep(), INTERVAL_MS).unref();
  }

  isBack(pid: number): void {
    this.#ended.delete(pid);
  }

  /** Nothing is swept any more: the tables go away with obi. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#ended.clear();
  }

  sweep(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const ended = this.#ended;
    if (ended.size === 0) return;
    this.#ended = new Set();
    for (const sweep of this.#sweeps) {
      try {
        sweep(ended);
      } catch (err) {
        this.#log.warn('a table of scopes could not be swept; what is left in it goes when the table is full', { err });
      }
    }
  }
}

/** Deletes the scopes that were declared for these processes. */
export function sweepScopes(declared: MapHandle, ended: ReadonlySet<number>): void {
  deleteEntries(declared, (_, scope) => ended.has(scope.readUInt32LE(SCOPE.process)));
}

/** Deletes the requests that were begun inside these processes: of the others their connections tell the end, which may outlive a process. */
export function sweepRequests(requests: MapHandle, ended: ReadonlySet<number>): void {
  deleteEntries(requests, (_, request) => ended.has(request.readUInt32LE(REQUEST.process)) && request.readUInt16LE(REQUEST.inside) !== 0);
}
