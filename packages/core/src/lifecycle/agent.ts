// SPDX-License-Identifier: Apache-2.0
/** One run of obi: from the checked configuration to programs in the kernel and spans in the exporters, and back to nothing. */

import { strayProbeSections } from '../config/probe-section.js';
import { Config } from '../config/schema.js';
import { propagationLimit, propagationMethods } from '../config/values.js';
import type { Container } from '../di.js';
import { hostArchitecture } from '../discovery/architecture.js';
import { discoverProbes } from '../discovery/discover.js';
import type { Refusal } from '../discovery/types.js';
import { isObiError, noProbes } from '../errors.js';
import type { ExplainAnswer } from '../explain/answer.js';
import { Explainer } from '../explain/explainer.js';
import { RecordStore } from '../explain/record-store.js';
import { coreProcessEvent, ObiCounter } from '../generated/core.events.js';
import { CoreObjects } from '../kernel/core-objects.js';
import { Kernel, type RingReader } from '../kernel/kernel.js';
import { KernelSession, type Parameters } from '../kernel/kernel-session.js';
import { Logger } from '../logging/logger.js';
import { KernelCounters } from '../pipeline/counters.js';
import { ProcessNews } from '../pipeline/process-news.js';
import { RecordPump, type SinkFaults } from '../pipeline/record-pump.js';
import type { ProcessTable, TracedProcess } from '../process/index.js';
import { ProcessDirectory } from '../span/process-resource.js';
import { type ExporterStats, type SpanExporter, SpanExporters } from '../span/span-exporter.js';
import { teeSpanWriter } from '../span/tee-span-writer.js';
import { Deadline } from './deadline.js';
import { checkLayouts } from './kernel-layouts.js';
import { kernelParameters, watchedCgroup } from './kernel-parameters.js';
import { lookAgain } from './lost-news.js';
import { runProbe } from './probe-runner.js';
import { ProcessMap } from './process-map.js';
import { makeProcessTable } from './process-set-up.js';
import { type RuntimeStatus, Runtimes } from './runtimes.js';
import { attachSockets, attachTap, attachTasks, type Tap } from './taps.js';
import { unreadableAdvice } from './unreadable-advice.js';

const BATCH_BYTES = 256 * 1024;
const COALESCE_MS = 5;
const TICK_MS = 100;
/** How often it is checked whether news of processes were lost. */
const RECHECK_MS = 1000;
/** A program shows its execution model a while after it was started (libraries, event loop): looked at once more. */
const SETTLED_MS = 1000;
/** How long the start waits for runtime probes to set up the processes that run already. */
const RUNTIMES_MS = 5000;
/** What is left of `shutdown_timeout` for saying what had to be given up. */
const SPARE_MS = 500;
/** Core's own slot in the kernel's counters. */
const CORE_SLOT = 0;

export interface AgentOptions {
  /** Packages whose dependencies are searched for probes. */
  readonly hostDirectories: readonly string[];
  readonly version: string;
  /** Ports on this machine that spans are sent to: their listeners are never traced. */
  readonly exporterPorts?: readonly number[];
  /** Tests that start services and obi from one process. */
  readonly traceOwnChildren?: boolean;
  /** Tests that lift one guard of the kernel side to show what it prevents: values for `obi_*` globals, over all others. */
  readonly testParameters?: Parameters;
}

/** What the health output and `obi` at its end show. */
export interface AgentStatus {
  readonly tap: Tap;
  /** As configured, or `off` where that asks for headers and they cannot be written here: `limits` says why. */
  readonly propagation: string;
  /** Why a carrier is off or limited; empty when all is well. */
  readonly limits: readonly string[];
  readonly probes: readonly string[];
  readonly refusals: readonly Refusal[];
  readonly processes: number;
  /** Spans that were not written, by one exporter, because their process was not known (any longer). */
  readonly unknownProcess: number;
  readonly records: number;
  /** Records of no probe of this run: left in the ring by one that failed half-way, or not ours. */
  readonly strays: number;
  readonly counters: Record<string, Record<string, number>>;
  /** `core` or a probe's id → program → runs that the kernel left out (`LoadedObject.missedRuns`). */
  readonly missedRuns: Record<string, Record<string, number>>;
  readonly faults: Record<string, SinkFaults>;
  /** What runtime probes say of the processes that they serve, or do not. */
  readonly runtimes: RuntimeStatus;
  readonly exporters: Record<string, ExporterStats>;
}

export class Agent implements AsyncDisposable {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #container: Container;
  readonly #session: KernelSession;
  readonly #limits: string[] = [];
  readonly #probes: string[] = [];
  readonly #refusals: Refusal[] = [];
  #exporters: readonly SpanExporter[] = [];
  #processes!: ProcessTable;
  #processMap!: ProcessMap;
  #pump!: RecordPump;
  #counters!: KernelCounters;
  #runtimes!: Runtimes;
  #explainer: Explainer | undefined;
  #reader: RingReader | undefined;
  #timers: NodeJS.Timeout[] = [];
  /** One per process that was selected a short while ago. */
  readonly #settling = new Set<NodeJS.Timeout>();
  #newsLost = 0;
  /** What the kernel counted, read a last time before it was taken down. */
  #lastCounters: AgentStatus['counters'] | undefined;
  #lastMissed: AgentStatus['missedRuns'] | undefined;
  #tap: Tap = 'syscalls';
  #fionreadFault = true;
  #carriersOff = false;
  #stopping = false;
  #stopped: Promise<void> | undefined;

  private constructor(container: Container) {
    this.#container = container;
    this.#config = container.resolve<Config>(Config);
    this.#log = container.resolve<Logger>(Logger);
    this.#session = new KernelSession(container.resolve<Kernel>(Kernel), 2 ** this.#config.ebpf.maps_config.global_scale_factor);
  }

  /**
   * The container holds Config, Logger, Kernel, CoreObjects, Routes and SpanExporters (a factory: it may ask for ProcessDirectory).
   * @throws ObiError when nothing can run; what was loaded until then is taken out again.
   */
  static async start(container: Container, options: AgentOptions): Promise<Agent> {
    const agent = new Agent(container);
    try {
      await agent.#start(options);
    } catch (error) {
      await agent[Symbol.asyncDispose]().catch((err: unknown) => agent.#log.error('stopping after a failed start', { err }));
      throw error;
    }
    return agent;
  }

  async #start(options: AgentOptions): Promise<void> {
    const config = this.#config;
    const kernel = this.#container.resolve<Kernel>(Kernel);
    const objects = this.#container.resolve<CoreObjects>(CoreObjects);
    const features = kernel.features();
    this.#fionreadFault = features.fionreadFault !== false;
    const architecture = hostArchitecture();
    if (!architecture) throw noProbes([`obi has no BPF objects for ${process.arch}`]);
    const { probes, refusals } = await discoverProbes({
      hostDirectory: options.hostDirectories,
      plugins: config.plugins,
      features,
      architecture,
      log: this.#log,
    });
    this.#refusals.push(...refusals);
    for (const warning of strayProbeSections(
      config,
      probes.map(({ entry }) => entry.id),
    ))
      this.#log.warn(warning);

    const cgroup = watchedCgroup(config);
    const methods = propagationMethods(config.ebpf.context_propagation);
    const parameters = { ...kernelParameters(config, cgroup, this.#fionreadFault), ...options.testParameters };
    const session = this.#session;
    const processMap = new Deferred<ProcessMap>();
    this.#processes = await makeProcessTable(config, cgroup, options, {
      selected: (process) => processMap.value.selected(process),
      deselected: (pid, reason) => processMap.value.deselected(pid, reason),
      unreadable: (pids) => this.#log.warn(unreadableAdvice(pids, cgroup?.path, features.capabilities)),
    });
    this.#container.registerValue<ProcessDirectory>(ProcessDirectory, this.#processes);
    this.#exporters = this.#container.resolve<readonly SpanExporter[]>(SpanExporters);
    const writer = teeSpanWriter(this.#exporters.map((exporter) => exporter.writer));
    this.#pump = new RecordPump(writer, (probe, what, err) => this.#log.error(`probe ${probe}: ${what}; counted from now on`, { err }));
    const bytes = config.explain.buffer_bytes;
    const records = bytes > 0 ? new RecordStore(bytes) : undefined;
    if (records) this.#pump.tap(records);

    const tasks = session.load({ actor: 'core', name: 'tasks', image: objects.tasks, parameters });
    checkLayouts(session);
    this.#counters = new KernelCounters(session.map('obi_counters'), sharedCounters());
    this.#counters.add(CORE_SLOT, 'core', []);
    this.#processMap = processMap.value = new ProcessMap(session.map('obi_processes'), this.#log, {
      added: (process) => {
        if (this.#stopping) return;
        this.#adopt(process, kernel);
        this.#settle(process.pid);
        this.#runtimes.selected(process);
      },
      changed: (process) => this.#runtimes.selected(process),
      removed: (pid, reason) => this.#runtimes.deselected(pid, reason !== 'rules'),
    });
    this.#runtimes = new Runtimes(this.#processMap, (name) => session.map(name), this.#log);
    if (records) this.#explainer = this.#makeExplainer(records, options.version);
    const limit = propagationLimit(config.ebpf.context_propagation);
    if (limit !== undefined) this.#limits.push(`propagation: ${limit}`);
    this.#tap = attachTap(session, objects, config, features, parameters, this.#log);
    const carriers = methods.headers && attachSockets(session, objects, cgroup, parameters, features, this.#limits);
    this.#carriersOff = methods.headers && !carriers;

    // Each problem is said once. Discovery has logged what it found unless it left nothing to try; what fails from here on is logged when the run goes on, else it is in the error.
    const told = probes.length > 0 ? refusals.length : 0;
    const failures: { readonly message: string; readonly err: unknown }[] = [];
    const taps = new Set(probes.flatMap(({ entry }) => entry.taps ?? []));
    for (const [index, probe] of probes.entries()) {
      const slot = CORE_SLOT + 1 + index;
      try {
        await runProbe(
          {
            config,
            container: this.#container,
            session,
            pump: this.#pump,
            writer,
            parameters,
            log: this.#log,
            carriers,
            taps,
            runtimes: this.#runtimes,
            records,
          },
          probe,
          slot,
        );
        this.#counters.add(slot, probe.entry.id, probe.manifest.counters);
        this.#probes.push(probe.entry.id);
      } catch (error) {
        failures.push(this.#refuse(probe.entry.id, probe.packageName, error));
      }
    }
    if (this.#probes.length === 0) {
      for (const { err } of failures) this.#log.debug('no probe can run', { err });
      throw noProbes(this.#refusals.slice(told).map(({ probe, reason, remedy }) => `${probe}: ${reason}; ${remedy}`));
    }
    for (const { message, err } of failures) this.#log.error(message, { err });

    this.#pump.add(
      0,
      'core',
      coreProcessEvent.kind,
      new ProcessNews(this.#processes, (pid) => {
        if (!this.#processes.get(pid)) this.#processMap.reject(pid);
      }),
    );
    attachTasks(session, tasks);
    this.#reader = kernel.ringReader(session.map('obi_events'), { batchBytes: BATCH_BYTES, coalesceMs: COALESCE_MS }, this.#onBatch);
    this.#processes.scan();
    this.#reader.start();
    this.#timers = [setInterval(() => this.#tick(), TICK_MS), setInterval(() => this.#recheck(), RECHECK_MS)];
    for (const limit of this.#limits) this.#log.warn(limit);
    const advice = this.#processes.advice;
    if (advice) this.#log.warn(advice);
    await this.#runtimes.settled(RUNTIMES_MS);
  }

  readonly #onBatch = (batch: Buffer, used: number): void => {
    this.#pump.push(batch, used);
    this.#tick();
  };

  #tick(): void {
    for (const exporter of this.#exporters) exporter.tick();
  }

  /** News that did not fit into the ring are gone: look at all processes again. */
  #recheck(): void {
    const lost = this.#counters.eventsLost(CORE_SLOT);
    if (lost === this.#newsLost) return;
    this.#newsLost = lost;
    this.#log.warn('processes: news were lost in a full ring; all processes are looked at again', { lost });
    lookAgain(this.#processes, this.#processMap);
  }

  #settle(pid: number): void {
    const timer = setTimeout(() => {
      this.#settling.delete(timer);
      this.#processes.refresh(pid);
    }, SETTLED_MS).unref();
    this.#settling.add(timer);
  }

  /** Connections that were open before obi came. */
  #adopt({ pid, fionreadSafe }: TracedProcess, kernel: Kernel): void {
    // A socket that was not watched from its beginning cannot leave the sockhash in time (FACTS: FIONREAD).
    if (!this.#session.has('obi_sockhash') || (this.#fionreadFault && !fionreadSafe)) return;
    try {
      const count = kernel.adoptSockets(pid, this.#session.map('obi_sockhash'), this.#processes.serverPorts(pid));
      if (count > 0) this.#log.debug('watching connections that were open before', { pid, count });
    } catch (err) {
      this.#log.debug('connections that were open before stay unwatched', { pid, err });
    }
  }

  /** @returns what is to be logged of it. */
  #refuse(probe: string, packageName: string, err: unknown): { readonly message: string; readonly err: unknown } {
    const reason = err instanceof Error ? err.message : String(err);
    this.#refusals.push({
      probe,
      package: packageName,
      code: isObiError(err) ? err.code : 'OBI_ERR_KERNEL_LOAD',
      reason,
      remedy: '`obi doctor` says what this kernel can do',
    });
    return { message: `probe ${probe} stays off: ${reason}`, err };
  }

  #makeExplainer(store: RecordStore, version: string): Explainer {
    return new Explainer({
      store,
      version,
      propagates: propagationMethods(this.#config.ebpf.context_propagation).headers,
      process: (pid) => this.#processes.get(pid),
      resource: (pid) => this.#processes.look(pid),
      runtime: (pid) => this.#runtimes.of(pid),
    });
  }

  /** Why a span has its parent; undefined when no records are kept (`explain.buffer_bytes: 0`). @throws ObiError OBI_ERR_EXPLAIN_ID */
  explain(id: string): ExplainAnswer | undefined {
    return this.#explainer?.answer(id);
  }

  get status(): AgentStatus {
    return {
      tap: this.#tap,
      propagation: this.#carriersOff ? 'off' : this.#config.ebpf.context_propagation,
      limits: this.#limits,
      probes: this.#probes,
      refusals: this.#refusals,
      processes: this.#processes.size,
      unknownProcess: this.#processes.unknown,
      records: this.#pump.records,
      strays: this.#pump.strays,
      counters: together(this.#lastCounters ?? this.#counters.read(), this.#pump.counters()),
      missedRuns: this.#lastMissed ?? this.#session.missedRuns(),
      faults: this.#pump.faults(),
      runtimes: this.#runtimes.status(),
      exporters: Object.fromEntries(this.#exporters.map((exporter) => [exporter.name, exporter.stats()])),
    };
  }

  /**
   * Detaches, decodes what is left in the ring, flushes the exporters, all within `shutdown_timeout`: exporters get what is left of it. Idempotent; what fails
   * or has to be given up is logged, never thrown.
   */
  [Symbol.asyncDispose](): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#stopping = true;
    const limit = this.#config.shutdown_timeout;
    const deadline = new Deadline(limit);
    const spare = Math.min(SPARE_MS, limit / 4);
    for (const timer of [...this.#timers, ...this.#settling]) clearTimeout(timer);
    this.#settling.clear();
    const failures: unknown[] = [];
    const attempt = (action: () => void) => {
      try {
        action();
      } catch (error) {
        failures.push(error);
      }
    };
    // Nothing comes after the last record that is read.
    attempt(() => this.#session.detach());
    // Its programs are gone when this returns. What was set up inside processes takes a while: no record waits for that.
    const undone = this.#undo(deadline, spare);
    attempt(() => this.#reader?.drain());
    attempt(() => this.#reader?.[Symbol.dispose]());
    // The status is asked for after the end too, when the maps are gone.
    attempt(() => {
      this.#lastCounters = this.#counters?.read();
    });
    attempt(() => {
      this.#lastMissed = this.#session.missedRuns();
    });
    attempt(() => this.#session[Symbol.dispose]());
    const ended = await Promise.allSettled([undone, ...this.#exporters.map((exporter) => this.#end(exporter, deadline, spare))]);
    failures.push(...ended.flatMap((result) => (result.status === 'rejected' ? [result.reason] : [])));
    for (const err of failures) this.#log.error('stopping: something could not be released', { err });
  }

  /** What was set up inside processes is taken out, as far as there is time. */
  async #undo(deadline: Deadline, spare: number): Promise<void> {
    if (!this.#runtimes) return;
    const processes = Object.values(this.#runtimes.status()).reduce((sum, { scoped }) => sum + scoped, 0);
    if (await deadline.met(this.#runtimes.stop(), spare)) return;
    this.#log.error('stopping: no time was left to undo all that was set up inside processes (shutdown_timeout)', { processes });
  }

  /** What it has not sent by then it gives up, and counts. */
  async #end(exporter: SpanExporter, deadline: Deadline, spare: number): Promise<void> {
    try {
      await deadline.met(exporter.flush(deadline.left(spare)), spare);
    } finally {
      if (!(await deadline.met(exporter[Symbol.asyncDispose](), spare / 2)))
        this.#log.error(`stopping: exporter ${exporter.name} did not end in time (shutdown_timeout)`, { heldSpans: exporter.stats().heldSpans });
    }
  }
}

/** Set once, before its first use. */
class Deferred<T> {
  #value: T | undefined;

  get value(): T {
    if (this.#value === undefined) throw new Error('used before it was set');
    return this.#value;
  }

  set value(value: T) {
    this.#value = value;
  }
}

type Counters = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** Probe → counter → value, of both. */
function together(kernel: Counters, decoders: Counters): Record<string, Record<string, number>> {
  return Object.fromEntries(Object.entries(kernel).map(([probe, counters]) => [probe, { ...counters, ...decoders[probe] }]));
}

function sharedCounters(): string[] {
  const names: string[] = [];
  for (const [name, index] of Object.entries(ObiCounter)) if (name !== 'OWN') names[index] = name.toLowerCase();
  return names;
}
