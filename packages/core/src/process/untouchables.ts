// SPDX-License-Identifier: Apache-2.0
/** Processes that are never traced, whatever the rules say: obi itself, and who receives its spans (a span of that would cause the next one). */
import type { ProcFs } from './proc-fs.js';

/** Bounds the walk up the process tree. */
const MAX_ANCESTORS = 64;

export class Untouchables {
  readonly #procFs: ProcFs;
  readonly #ownPid: number;
  readonly #traceOwnChildren: boolean;
  readonly #exporterPorts: readonly number[];

  constructor(options: {
    readonly procFs: ProcFs;
    readonly ownPid: number;
    readonly traceOwnChildren?: boolean | undefined;
    readonly exporterPorts?: readonly number[] | undefined;
  }) {
    this.#procFs = options.procFs;
    this.#ownPid = options.ownPid;
    this.#traceOwnChildren = options.traceOwnChildren ?? false;
    this.#exporterPorts = options.exporterPorts ?? [];
  }

  includes(pid: number, parentPid: number, ports: () => ReadonlySet<number>): boolean {
    if (pid === this.#ownPid) return true;
    if (!this.#traceOwnChildren && this.#isOwnDescendant(parentPid)) return true;
    return this.#exporterPorts.some((port) => ports().has(port)) && this.#sharesNetwork(pid);
  }

  #isOwnDescendant(parentPid: number): boolean {
    let pid = parentPid;
    for (let step = 0; step < MAX_ANCESTORS && pid > 1; step++) {
      if (pid === this.#ownPid) return true;
      pid = this.#procFs.stat(pid)?.parentPid ?? 0;
    }
    return false;
  }

  /** Another network namespace's listener on the same port is another service. Where it cannot be told, it counts as ours. */
  #sharesNetwork(pid: number): boolean {
    const theirs = this.#procFs.networkNamespace(pid);
    const ours = this.#procFs.networkNamespace(this.#ownPid);
    return theirs === undefined || ours === undefined || theirs === ours;
  }
}
