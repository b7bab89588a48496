// SPDX-License-Identifier: Apache-2.0
/** Serves Node.js processes: identifies them, and brings in the script that says which request caused which. */
import { randomUUID } from 'node:crypto';
import {
  inject,
  injectable,
  Kernel,
  Logger,
  ProbeSection,
  type RuntimeDriver,
  type RuntimeKernel,
  type RuntimeOutcome,
  type TracedProcess,
} from '@obi/core/probe';
import type { NodeConfig } from './config.js';
import { whyNotNode } from './identify.js';
import { injectedScript } from './injected-script.js';
import { Injector, Refused } from './injector.js';
import { namespaceOf } from './process-status.js';
import { SignalHandlers } from './signal-handler.js';

/** obi's end waits for no process longer than this. */
const UNDO_MS = 3000;
/** Longer than obi's own end takes. */
const GRACE_MS = 10_000;

@injectable()
export class NodeRuntime implements RuntimeDriver {
  readonly #run = randomUUID();
  readonly #injector: Injector;
  readonly #config: NodeConfig;
  readonly #log: Logger;
  /** Processes in which the script is to be undone, unless obi ends before. */
  readonly #leaving = new Map<number, NodeJS.Timeout>();

  constructor(@inject(Kernel) kernel: Kernel, @inject(ProbeSection) section: NodeConfig, @inject(Logger) log: Logger) {
    this.#injector = new Injector(new SignalHandlers(kernel));
    this.#config = section;
    this.#log = log;
  }

  appliesTo({ resource }: TracedProcess): boolean {
    return this.#config.enabled && resource.attributes['process.runtime.name'] === 'nodejs';
  }

  async attach(target: TracedProcess, _kernel: RuntimeKernel, signal: AbortSignal): Promise<RuntimeOutcome> {
    clearTimeout(this.#leaving.get(target.pid));
    this.#leaving.delete(target.pid);
    const why = whyNotNode(target.pid);
    if (why) return { state: 'refused', reason: why };
    const agent = seesObi(target.pid) ? process.pid : 0;
    try {
      const result = await this.#injector.evaluate(target, injectedScript({ run: this.#run, agent, workers: this.#config.workers }), signal);
      return result === 'ok' ? { state: 'scoped' } : { state: 'refused', reason: `the script cannot run in it: ${result}` };
    } catch (error) {
      if (error instanceof Refused) return { state: 'refused', reason: error.message };
      throw error;
    }
  }

  /**
   * Opening the inspector again writes to the process's output. A process that sees obi's pid notices by itself that obi is gone, so there it is done only
   * when obi lives on.
   */
  async detach(target: TracedProcess): Promise<void> {
    if (!seesObi(target.pid)) return this.#undo(target);
    const timer = setTimeout(() => {
      this.#leaving.delete(target.pid);
      this.#undo(target).catch((err: unknown) => this.#log.warn('the script stays in a process that is not traced any more', { pid: target.pid, err }));
    }, GRACE_MS).unref();
    this.#leaving.set(target.pid, timer);
  }

  async #undo(target: TracedProcess): Promise<void> {
    await this.#injector.evaluate(
      target,
      injectedScript({ run: this.#run, agent: 0, workers: this.#config.workers, undo: true }),
      AbortSignal.timeout(UNDO_MS),
    );
  }
}

/** Whether the process is in obi's pid namespace. */
function seesObi(pid: number): boolean {
  return namespaceOf(pid, 'pid') === namespaceOf('self', 'pid');
}
