// SPDX-License-Identifier: Apache-2.0
/** A runtime probe of this run. Its driver is foreign code: whatever it throws stays here, and becomes a refusal. */
import type { LoadedObject } from '../kernel/kernel.js';
import type { Logger } from '../logging/logger.js';
import type { RuntimeDriver, RuntimeKernel, RuntimeOutcome } from '../probe/runtime.js';
import type { TracedProcess } from '../process/index.js';

export class InstalledRuntime {
  /** Processes that it serves now. */
  scoped = 0;
  /** Reason → how many processes. */
  readonly refused = new Map<string, number>();
  /** Processes of which its driver could not even say whether it applies. */
  readonly #failed = new Set<number>();
  #hasFailed = false;

  constructor(
    readonly probe: string,
    readonly slot: number,
    readonly driver: RuntimeDriver,
    readonly object: LoadedObject,
    readonly log: Logger,
  ) {}

  /** Never throws: a driver that does so does not apply. */
  appliesTo(process: TracedProcess): boolean {
    try {
      return this.driver.appliesTo(process);
    } catch (err) {
      this.#fails(process.pid, err);
      return false;
    }
  }

  /** Never rejects. */
  async attach(process: TracedProcess, kernel: RuntimeKernel, signal: AbortSignal): Promise<RuntimeOutcome> {
    try {
      const outcome = await this.driver.attach(process, kernel, signal);
      if (outcome?.state === 'scoped' || outcome?.state === 'refused') return outcome;
      return { state: 'refused', reason: 'its driver did not say whether it serves the process' };
    } catch (error) {
      return { state: 'refused', reason: textOf(error) };
    }
  }

  refuse(reason: string): void {
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1);
  }

  forget(pid: number): void {
    this.#failed.delete(pid);
  }

  /** Asked at each change of a process, which is one process all the same; said in the log once. */
  #fails(pid: number, err: unknown): void {
    if (!this.#failed.has(pid)) this.refuse(`its driver failed to say whether it applies: ${textOf(err)}`);
    this.#failed.add(pid);
    if (!this.#hasFailed) this.log.error('its runtime driver fails to say whether it applies to a process; counted from now on', { pid, err });
    this.#hasFailed = true;
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
