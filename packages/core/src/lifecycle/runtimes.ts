// SPDX-License-Identifier: Apache-2.0
/** Brings traced processes and runtime probes together, and keeps what each process was told. */
import type { LoadedObject, MapHandle } from '../kernel/kernel.js';
import type { Logger } from '../logging/logger.js';
import type { RuntimeDriver, RuntimeKernel, RuntimeOutcome } from '../probe/runtime.js';
import type { TracedProcess } from '../process/index.js';
import { stillRuns } from '../process/still-runs.js';
import { EndedProcesses, sweepRequests, sweepScopes } from './ended-processes.js';
import { InstalledRuntime } from './installed-runtime.js';
import type { ProcessMap } from './process-map.js';
import { chainBytes } from './scope-chain.js';

interface Attached {
  readonly process: TracedProcess;
  readonly runtime: InstalledRuntime;
  readonly abort: AbortController;
  /** What it has in the kernel; released last in, first out. */
  readonly held: Disposable[];
  /** Undefined until the driver has answered; it may answer when nobody wants it any more. */
  outcome: RuntimeOutcome | undefined;
  done: Promise<void>;
}

/** What a runtime probe makes of one process, now. */
export type ProcessRuntime = { readonly probe: string } & ({ readonly state: 'scoped' | 'attaching' } | { readonly state: 'refused'; readonly reason: string });

/** For the health output: by probe, how many processes it serves now, and why it refused others. */
export type RuntimeStatus = Record<string, { readonly scoped: number; readonly refused: Readonly<Record<string, number>> }>;

export class Runtimes {
  readonly #processes: ProcessMap;
  readonly #map: (name: string) => MapHandle;
  readonly #runtimes: InstalledRuntime[] = [];
  readonly #attached = new Map<number, Attached>();
  /** Being undone, by process: whoever is served again waits for that. */
  readonly #leaving = new Map<number, Promise<void>>();
  readonly #runs: (process: TracedProcess) => boolean;
  readonly #ended: EndedProcesses;
  #stopping = false;

  /**
   * @param map shared maps by name.
   * @param runs whether a process lives and runs what it ran: nothing is undone in another one.
   */
  constructor(
    processes: ProcessMap,
    map: (name: string) => MapHandle,
    log: Logger,
    runs: (process: TracedProcess) => boolean = (process) => stillRuns(process),
  ) {
    this.#processes = processes;
    this.#runs = runs;
    this.#map = map;
    this.#ended = new EndedProcesses(log);
    this.#ended.onSweep((ended) => sweepScopes(map('obi_declared'), ended));
    this.#ended.onSweep((ended) => sweepRequests(map('obi_requests'), ended));
  }

  add(probe: string, slot: number, driver: RuntimeDriver, object: LoadedObject, log: Logger): void {
    this.#runtimes.push(new InstalledRuntime(probe, slot, driver, object, log));
    if (driver.sweep) this.#ended.onSweep((ended) => driver.sweep?.(ended, (name) => object.map(name)));
  }

  /** A process is traced, or runs another program now. The first probe that applies serves it. */
  selected(process: TracedProcess): void {
    const before = this.#attached.get(process.pid);
    if (before && isSameProgram(before.process, process)) return;
    if (before) {
      this.#forget(before);
      this.#ended.sweep(); // before the other program declares anything
    }
    if (this.#stopping) return;
    const runtime = this.#runtimes.find((candidate) => candidate.appliesTo(process));
    if (!runtime) return;
    const attached: Attached = {
      process,
      runtime,
      abort: new AbortController(),
      held: [],
      outcome: undefined,
      done: Promise.resolve(),
    };
    this.#attached.set(process.pid, attached);
    this.#ended.isBack(process.pid);
    // A driver never works on one process twice at a time: what was aborted or is undone comes to its end first.
    const earlier = before?.done ?? this.#leaving.get(process.pid);
    attached.done = earlier ? earlier.then(() => this.#attach(attached)) : this.#attach(attached);
  }

  /** It has ended, or is not wanted any more: then what was done inside it is undone. */
  deselected(pid: number, hasEnded: boolean): void {
    for (const runtime of this.#runtimes) runtime.forget(pid);
    const attached = this.#attached.get(pid);
    if (!attached) return;
    this.#forget(attached);
    if (!hasEnded) this.#leave(attached);
  }

  status(): RuntimeStatus {
    return Object.fromEntries(this.#runtimes.map(({ probe, scoped, refused }) => [probe, { scoped, refused: Object.fromEntries(refused) }]));
  }

  /** Undefined when no installed runtime probe applies to it. */
  of(pid: number): ProcessRuntime | undefined {
    const attached = this.#attached.get(pid);
    if (!attached) return undefined;
    const { runtime, outcome } = attached;
    if (outcome?.state === 'refused') return { probe: runtime.probe, state: 'refused', reason: outcome.reason };
    return { probe: runtime.probe, state: outcome ? 'scoped' : 'attaching' };
  }

  /** Waits until every process that is known now is served or refused, `limit` ms at most. */
  async settled(limit: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limit);
    });
    await Promise.race([Promise.all([...this.#attached.values()].map(({ done }) => done)), late]);
    clearTimeout(timer);
  }

  /** Undoes everything inside the processes. Waits for it; what fails is logged. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const all = [...this.#attached.values()];
    for (const attached of all) {
      this.#forget(attached);
      this.#leave(attached);
    }
    this.#ended.stop();
    await Promise.all(this.#leaving.values());
  }

  async #attach(attached: Attached): Promise<void> {
    const { process, runtime, abort } = attached;
    const { pid } = process;
    if (abort.signal.aborted) return;
    const outcome = await runtime.attach(process, this.#kernelFor(attached), abort.signal);
    attached.outcome = outcome;
    if (abort.signal.aborted) return;
    if (outcome.state === 'scoped') {
      this.#processes.setRuntime(pid, runtime.slot);
      runtime.scoped++;
      runtime.log.info(`follows requests inside ${process.resource.attributes['service.name']}`, { pid, note: outcome.note });
    } else {
      this.#release(attached);
      runtime.refuse(outcome.reason);
      runtime.log.warn(`cannot follow requests inside ${process.resource.attributes['service.name']}: ${outcome.reason}`, { pid });
    }
  }

  #forget(attached: Attached): void {
    const { process, runtime, abort, outcome } = attached;
    abort.abort();
    this.#attached.delete(process.pid);
    if (outcome?.state === 'scoped') {
      runtime.scoped--;
      this.#processes.setRuntime(process.pid, 0);
    }
    // Programs that were attached so far may have declared scopes before the driver was done.
    if (outcome?.state !== 'refused') this.#ended.add(process.pid);
    this.#release(attached);
  }

  #release({ process, runtime, held }: Attached): void {
    for (const item of held.splice(0).reverse()) {
      try {
        item[Symbol.dispose]();
      } catch (err) {
        runtime.log.error('something in the kernel could not be released', { pid: process.pid, err });
      }
    }
  }

  #leave(attached: Attached): void {
    const { pid } = attached.process;
    const undone = this.#detach(attached).finally(() => {
      if (this.#leaving.get(pid) === undone) this.#leaving.delete(pid);
    });
    this.#leaving.set(pid, undone);
  }

  /** Also undoes what was still set up after it was not wanted any more. */
  async #detach(attached: Attached): Promise<void> {
    const { process, runtime, done } = attached;
    await done;
    if (attached.outcome?.state !== 'scoped' || !this.#runs(process)) return;
    try {
      await runtime.driver.detach?.(process);
    } catch (err) {
      runtime.log.warn('what was set up inside a process could not be undone', { pid: process.pid, err });
    }
  }

  #kernelFor({ process: { pid }, runtime, held, abort: { signal } }: Attached): RuntimeKernel {
    const map = (name: string) => (name.startsWith('obi_') ? this.#map(name) : runtime.object.map(name));
    return {
      map,
      has: (program) => runtime.object.programs.some(({ name }) => name === program),
      // Not after the abort: what it has was released then, and nobody would release this.
      setChain: (chain) => {
        signal.throwIfAborted();
        const chains = this.#map('obi_chains');
        chains.update(keyOf(pid), chainBytes(chain));
        held.push({ [Symbol.dispose]: () => void chains.delete(keyOf(pid)) });
      },
      uprobe: (program, { path, offset, return: isReturn = false }) => {
        signal.throwIfAborted();
        held.push(runtime.object.attachUprobe(program, { path, offset, return: isReturn, pid }));
      },
    };
  }
}

function isSameProgram(a: TracedProcess, b: TracedProcess): boolean {
  return a.exe === b.exe && a.startTime === b.startTime && a.execs === b.execs;
}

function keyOf(pid: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(pid);
  return bytes;
}
