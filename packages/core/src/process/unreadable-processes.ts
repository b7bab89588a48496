// SPDX-License-Identifier: Apache-2.0
/** Processes that may be wanted, but of which not even the executable may be read. Without a word about them it looks as if there were none. */
import type { ProcFs } from './proc-fs.js';
import type { SelectionRules } from './selection-rules.js';
import type { ProcessListener } from './traced-process.js';

/** Tells the listener once, of all that were found until then: what is missing is the same for all of them. */
export class UnreadableProcesses {
  readonly #found = new Set<number>();
  #isTold = false;

  constructor(
    private readonly procFs: ProcFs,
    private readonly rules: SelectionRules,
    private readonly listener: ProcessListener,
  ) {}

  get isTold(): boolean {
    return this.#isTold;
  }

  /** @param pid living, and without an executable that could be read. */
  consider(pid: number, isParentTraced: boolean): void {
    const { procFs, rules } = this;
    if (this.#isTold || !procFs.isUnreadable(pid)) return;
    if (rules.mayWant({ pid, cmdline: procFs.commandLine(pid), cgroup: () => procFs.cgroup(pid) }, isParentTraced)) this.#found.add(pid);
  }

  tell(): void {
    if (this.#isTold || this.#found.size === 0) return;
    this.#isTold = true;
    this.listener.unreadable?.([...this.#found]);
    this.#found.clear();
  }
}
