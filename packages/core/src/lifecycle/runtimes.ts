// SPDX-License-Identifier: Apache-2.0
/** Brings traced processes and runtime probes together, and keeps what each process was told. */
import type { LoadedObject, MapHandle } from '../kernel/kernel.js';
import type { Logger } from '../logging/logger.js';
import type { RuntimeDriver, RuntimeKernel, RuntimeOutcome, ScopeChain } from '../probe/runtime.js';
import type { TracedProcess } from '../process/index.js';
import { EndedProcesses, sweepScopes } from './ended-processes.js';
import type { ProcessMap } from './process-map.js';

/** `struct obi_chain`, OBI_CHAIN_STEPS. */
const CHAIN_STEPS = 6;
const CHAIN_BYTES = 40;

interface Runtime {
  readonly probe: string;
  readonly slot: number;
  readonly driver: RuntimeDriver;
  readonly object: LoadedObject;
  readonly log: Logger;
  readonly refused: Map<string, number>;
  scoped: number;
}

interface Attached {
  readonly process: TracedProcess;
  readonly runtime: Runtime;
  readonly abort: AbortController;
  /** What it has in the kernel; released last in, first out. */
  readonly held: Disposable[];
  isScoped: boolean;
  refusal: string | undefined;
  done: Promise<void>;
}

/** What a runtime probe makes of one process, now. */
export type ProcessRuntime = { readonly probe: string } & ({ readonly state: 'scoped' | 'attaching' } | { readonly state: 'refused'; readonly reason: string });

/** For the health output: by probe, how many processes it serves now, and why it refused others. */
export type RuntimeStatus = Record<string, { readonly scoped: number; readonly refused: Readonly<Record<string, number>> }>;

export class Runtimes {
  readonly #processes: ProcessMap;
  readonly #map: (name: string) => MapHandle;
  readonly #runtimes: Runtime[] = [];
  readonly #attached = new Map<number, Attached>();
  readonly #ended: EndedProcesses;
  #stopping = false;

  /** @param map shared maps by name. */
  constructor(processes: ProcessMap, map: (name: string) => MapHandle, log: Logger) {
    this.#processes = processes;
    this.#map = map;
    this.#ended = new EndedProcesses(log);
    this.#ended.onSweep((ended) => sweepScopes(map('obi_declared'), ended));
  }

  add(probe: string, slot: number, driver: RuntimeDriver, object: LoadedObject, log: Logger): void {
    this.#runtimes.push({ probe, slot, driver, object, log, refused: new Map(), scoped: 0 });
    if (driver.sweep) this.#ended.onSweep((ended) => driver.sweep?.(ended, (name) => object.map(name)));
  }

  /** A process is traced, or runs another program now. The first probe that applies serves it. */
  selected(process: TracedProcess): void {
    const before = this.#attached.get(process.pid);
    if (before && before.process.exe === process.exe && before.process.startTime === process.startTime) return;
    if (before) {
      this.#forget(before);
      this.#ended.sweep(); // before the other program declares anything
    }
    if (this.#stopping) return;
    const runtime = this.#runtimes.find(({ driver }) => driver.appliesTo(process));
    if (!runtime) return;
    const attached: Attached = {
      process,
      runtime,
      abort: new AbortController(),
      held: [],
      isScoped: false,
      refusal: undefined,
      done: Promise.resolve(),
    };
    this.#attached.set(process.pid, attached);
    this.#ended.isBack(process.pid);
    attached.done = this.#attach(attached);
  }

  /** It has ended, or is not wanted any more: then what was done inside it is undone. */
  deselected(pid: number, hasEnded: boolean): void {
    const attached = this.#attached.get(pid);
    if (!attached) return;
    this.#forget(attached);
    if (!hasEnded) void this.#detach(attached);
  }

  status(): RuntimeStatus {
    return Object.fromEntries(this.#runtimes.map(({ probe, scoped, refused }) => [probe, { scoped, refused: Object.fromEntries(refused) }]));
  }

  /** Undefined when no installed runtime probe applies to it. */
  of(pid: number): ProcessRuntime | undefined {
    const attached = this.#attached.get(pid);
    if (!attached) return undefined;
    const { runtime, isScoped, refusal } = attached;
    return refusal === undefined
      ? { probe: runtime.probe, state: isScoped ? 'scoped' : 'attaching' }
      : { probe: runtime.probe, state: 'refused', reason: refusal };
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
    for (const attached of all) this.#forget(attached);
    await Promise.all(all.map((attached) => this.#detach(attached)));
  }

  async #attach(attached: Attached): Promise<void> {
    const { process, runtime, abort } = attached;
    const { pid } = process;
    let outcome: RuntimeOutcome;
    try {
      outcome = await runtime.driver.attach(process, this.#kernelFor(attached), abort.signal);
    } catch (error) {
      outcome = { state: 'refused', reason: error instanceof Error ? error.message : String(error) };
    }
    if (abort.signal.aborted) return;
    if (outcome.state === 'scoped') {
      this.#processes.setRuntime(pid, runtime.slot);
      attached.isScoped = true;
      runtime.scoped++;
      runtime.log.info(`follows requests inside ${process.resource.attributes['service.name']}`, { pid, note: outcome.note });
    } else {
      this.#release(attached);
      attached.refusal = outcome.reason;
      runtime.refused.set(outcome.reason, (runtime.refused.get(outcome.reason) ?? 0) + 1);
      runtime.log.warn(`cannot follow requests inside ${process.resource.attributes['service.name']}: ${outcome.reason}`, { pid });
    }
  }

  #forget(attached: Attached): void {
    const { process, runtime, abort } = attached;
    abort.abort();
    this.#attached.delete(process.pid);
    if (attached.isScoped) {
      runtime.scoped--;
      this.#processes.setRuntime(process.pid, 0);
      this.#ended.add(process.pid);
    }
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

  async #detach({ process, runtime, done, isScoped }: Attached): Promise<void> {
    await done;
    if (!isScoped) return;
    try {
      await runtime.driver.detach?.(process);
    } catch (err) {
      runtime.log.warn('what was set up inside a process could not be undone', { pid: process.pid, err });
    }
  }

  #kernelFor({ process: { pid }, runtime, held }: Attached): RuntimeKernel {
    const map = (name: string) => (name.startsWith('obi_') ? this.#map(name) : runtime.object.map(name));
    return {
      map,
      setChain: (chain) => {
        const chains = this.#map('obi_chains');
        chains.update(keyOf(pid), chainBytes(chain));
        held.push({ [Symbol.dispose]: () => void chains.delete(keyOf(pid)) });
      },
      uprobe: (program, { path, offset, return: isReturn = false }) => {
        held.push(runtime.object.attachUprobe(program, { path, offset, return: isReturn, pid }));
      },
    };
  }
}

function chainBytes({ base, offsets, fromThreadPointer = false }: ScopeChain): Buffer {
  if (offsets.length === 0 || offsets.length > CHAIN_STEPS) throw new RangeError(`a scope chain has 1 to ${CHAIN_STEPS} steps, not ${offsets.length}`);
  const bytes = Buffer.alloc(CHAIN_BYTES);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, base), 0);
  for (const [step, offset] of offsets.entries()) bytes.writeInt32LE(offset, 8 + 4 * step);
  bytes.writeUInt8(offsets.length, 32);
  bytes.writeUInt8(fromThreadPointer ? 1 : 0, 33);
  return bytes;
}

function keyOf(pid: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(pid);
  return bytes;
}
