// SPDX-License-Identifier: Apache-2.0
/** Keeps which processes are traced up to date, from one scan at the start and from kernel events after that. */
import { isDeepStrictEqual } from 'node:util';
import { ATTR_SERVICE_NAME, ATTR_SERVICE_NAMESPACE } from '@opentelemetry/semantic-conventions';
import { shorten } from '../errors.js';
import type { AttributeValue, ProcessDirectory, ProcessResource } from '../span/process-resource.js';
import type { ProcessTraits, TraitReader } from './execution-model.js';
import { listeningPorts, type SocketTables } from './listening-ports.js';
import type { ProcFs } from './proc-fs.js';
import { isSameProgram, type ProgramImage, ProgramImageReader } from './program-image.js';
import { ResourceIds } from './resource-ids.js';
import { placeOf, type SelectionRules, type ServiceIdentity } from './selection-rules.js';
import type { ServiceProcess, ServiceResources } from './service-resource.js';
import type { DeselectReason, ProcessListener, TracedProcess } from './traced-process.js';
import { UnreadableProcesses } from './unreadable-processes.js';
import { Untouchables } from './untouchables.js';

export interface ProcessTableOptions {
  readonly procFs: ProcFs;
  readonly rules: SelectionRules;
  readonly traits: TraitReader;
  readonly resources: ServiceResources;
  readonly listener: ProcessListener;
  /** obi itself; never traced. */
  readonly ownPid: number;
  /** Trace obi's own child processes as others (for tests that start both); default false. */
  readonly traceOwnChildren?: boolean | undefined;
  /** Ports of this host's network namespace that obi exports to: who listens there is never traced. */
  readonly exporterPorts?: readonly number[] | undefined;
}

interface Entry {
  readonly process: TracedProcess;
  readonly image: ProgramImage;
  /** Of the rule that selected it, undefined when only its parent did. */
  readonly rule: number | undefined;
  /** Of its rule or its parent. */
  readonly identity: ServiceIdentity;
  /** What its parent was called, for when no rule matches (any longer). */
  readonly inherited: ServiceIdentity | undefined;
  /** Ports that it listened on, itself or through its parent's sockets. */
  readonly ports: Set<number>;
  portsRead: boolean;
}

interface Occasion {
  /** The process is a new copy of this one. */
  readonly copyOf?: Entry;
  /** It just began to listen here. */
  readonly port?: number;
  /** A new program: nothing known about the old one holds. */
  readonly exec?: boolean;
  readonly tables?: SocketTables;
}

/** Spans are written when a request ends, which for a process that just died is after its exit: that many resources are kept for them. */
const KEPT_AFTER_EXIT = 1024;

/**
 * Attach the kernel events first, then call {@link scan}, then hand over the events in order: nothing is missed in between. No method throws
 * for a process that is gone. Only traced processes are remembered; all others cost nothing between their events.
 *
 * A child of a traced process is traced under its parent's name, until it runs a program that a rule selects by itself or excludes.
 */
export class ProcessTable implements ProcessDirectory {
  readonly #options: ProcessTableOptions;
  readonly #untouchables: Untouchables;
  readonly #images: ProgramImageReader;
  readonly #unreadable: UnreadableProcesses;
  readonly #traced = new Map<number, Entry>();
  readonly #ended = new Map<number, ProcessResource>();
  readonly #ids = new ResourceIds();
  #unknown = 0;

  constructor(options: ProcessTableOptions) {
    this.#options = options;
    this.#untouchables = new Untouchables(options);
    this.#images = new ProgramImageReader(options.procFs, options.traits);
    this.#unreadable = new UnreadableProcesses(options.procFs, options.rules, options.listener);
  }

  /**
   * What to tell the user after the first {@link scan}, undefined when there is nothing: the rules can select no process, or some of them select none
   * of those that run. Most often that is a port that nobody listens on yet, or a misspelt path.
   */
  get advice(): string | undefined {
    const { rules } = this.#options;
    if (rules.advice !== undefined) return rules.advice;
    const place = placeOf(rules.cgroup);
    // It would look as if nothing ran there, though some cannot be looked at: the listener was told of these.
    if (rules.descriptions.length === 0)
      return this.#traced.size > 0 || this.#unreadable.isTold ? undefined : `selection: no process to trace runs now${place}; those that come are traced`;
    const matched = new Set([...this.#traced.values()].map(({ rule }) => rule));
    const idle = rules.descriptions.flatMap((description, rule) => (matched.has(rule) ? [] : [`${description} (discovery.instrument[${rule}])`]));
    if (idle.length === 0) return undefined;
    const which = `${place} is traced because of ${shorten(idle).join('; ')}`;
    if (this.#unreadable.isTold) return `selection: no process that can be looked at${which}`;
    return `selection: no process that runs now${which}; processes that match are traced as soon as they appear`;
  }

  get size(): number {
    return this.#traced.size;
  }

  processes(): TracedProcess[] {
    return [...this.#traced.values()].map(({ process }) => process);
  }

  get(pid: number): TracedProcess | undefined {
    return this.#traced.get(pid)?.process;
  }

  /** Also answers for a process that ended a short while ago, until its pid is used again. */
  resource(pid: number): ProcessResource | undefined {
    const resource = this.look(pid);
    if (resource === undefined) this.#unknown++;
    return resource;
  }

  /** As {@link resource}, for who asks out of curiosity: nothing is counted. */
  look(pid: number): ProcessResource | undefined {
    return this.#traced.get(pid)?.process.resource ?? this.#ended.get(pid);
  }

  /** How often a span's process was not known: each time a span was not written, by one exporter. */
  get unknown(): number {
    return this.#unknown;
  }

  /** Ports that a traced process serves: a connection with one of them at its own end is an incoming one. Read from /proc on the first call. */
  serverPorts(pid: number): readonly number[] {
    const entry = this.#traced.get(pid);
    if (!entry) return [];
    if (!entry.portsRead) this.#readPorts(pid, entry.ports);
    entry.portsRead = true;
    return [...entry.ports];
  }

  /** Looks at every process; parents before their children. Call it again when events were lost: it finds what was missed and drops what ended. */
  scan(): void {
    const { procFs } = this.#options;
    const parents = new Map(procFs.pids().map((pid) => [pid, procFs.stat(pid)?.parentPid]));
    const tables: SocketTables = new Map();
    const visited = new Set<number>();
    const visit = (pid: number) => {
      if (visited.has(pid)) return;
      visited.add(pid);
      const parent = parents.get(pid);
      if (parent !== undefined && parents.has(parent)) visit(parent);
      this.#evaluate(pid, { tables });
    };
    for (const pid of parents.keys()) visit(pid);
    for (const pid of [...this.#traced.keys()]) if (!parents.has(pid)) this.#drop(pid, 'exit');
    this.#unreadable.tell();
  }

  /** Process `pid` (not a thread) runs another program now. @param exe its file as the kernel told it: all that can be known when the process has ended since */
  onExec(pid: number, exe = ''): void {
    const before = this.#traced.has(pid);
    if (!this.#evaluate(pid, { exec: true }) && exe !== '') this.#rememberProgram(pid, exe);
    if (!before) this.#adoptChildren(pid);
    this.#unreadable.tell();
  }

  /** Process `parentPid` made process `pid` (not a thread), which may have ended since. */
  onFork(parentPid: number, pid: number): void {
    this.#ended.delete(pid);
    const known = this.#traced.get(pid);
    const isFound = this.#traced.has(parentPid) && known?.process.startTime === this.#options.procFs.stat(pid)?.startTime;
    if (known && isFound) return; // with its parent, see #adoptChildren
    // A pid is free before it is given again: whoever had it has ended, and the event of that was lost.
    if (known) this.#drop(pid, 'replaced');
    const parent = this.#traced.get(parentPid);
    if (!parent) return;
    if (!this.#evaluate(pid, { copyOf: parent })) this.#rememberChild(pid, parent);
  }

  /** The last thread of process `pid` ended. */
  onExit(pid: number): void {
    this.#drop(pid, 'exit');
  }

  /** Process `pid` listens on TCP port `port`. Its runtime has started by now, so its execution model is looked at again. */
  onListen(pid: number, port: number): void {
    const before = this.#traced.has(pid);
    this.#evaluate(pid, { port });
    if (!before) this.#adoptChildren(pid);
    this.#unreadable.tell();
  }

  /** Looks at a traced process again: worth it once when it first carries traffic, since a forked worker may load its event loop without ever listening. */
  refresh(pid: number): void {
    const known = this.#traced.get(pid);
    if (!known) return;
    if (this.#hasEnded(known.process)) this.#drop(pid, 'exit');
    else this.#evaluate(pid, {});
  }

  /**
   * What a process forked between the event that made us look at it and the moment when the kernel was told to trace it: no event tells of those children.
   * Servers that fork their workers right after they began to listen are the usual case.
   */
  #adoptChildren(pid: number): void {
    if (!this.#traced.has(pid)) return;
    for (const child of this.#options.procFs.children(pid)) {
      if (this.#traced.has(child)) continue;
      this.#evaluate(child, {});
      this.#adoptChildren(child);
    }
  }

  /** @returns false when there was nothing to look at any more: an ending process loses its executable before it becomes a zombie. */
  #evaluate(pid: number, occasion: Occasion): boolean {
    const { procFs, rules } = this.#options;
    const stat = procFs.stat(pid);
    if (!stat || stat.state === 'Z' || stat.state === 'X') return false;
    let known = this.#traced.get(pid);
    if (known && known.process.startTime !== stat.startTime) {
      this.#drop(pid, 'replaced');
      known = undefined;
    }
    const exe = occasion.copyOf?.image.exe ?? procFs.executable(pid);
    if (exe === undefined) {
      this.#unreadable.consider(pid, this.#traced.has(stat.parentPid));
      return false; // or a kernel thread
    }
    const cmdline = occasion.copyOf?.image.cmdline ?? procFs.commandLine(pid);

    // Until the next exec every new port is told; only what was open before has to be read, once and only if somebody asks.
    const before = occasion.copyOf ?? (occasion.exec ? undefined : known);
    const ports = new Set(before?.ports);
    let portsRead = before?.portsRead ?? false;
    if (occasion.port !== undefined) ports.add(occasion.port);
    const lazyPorts = () => {
      if (!portsRead) this.#readPorts(pid, ports, occasion.tables);
      portsRead = true;
      return ports;
    };

    const parent = occasion.copyOf ?? (known ? undefined : this.#traced.get(stat.parentPid));
    const inherited = known ? known.inherited : parent && serviceOf(parent);
    const decision = rules.decide({ pid, exe, cmdline, cgroup: () => procFs.cgroup(pid), ports: lazyPorts });
    const wanted = decision.kind === 'selected' || (decision.kind === 'unmatched' && inherited !== undefined);
    if (!wanted || this.#untouchables.includes(pid, stat.parentPid, lazyPorts)) {
      // Of a process that ended meanwhile not even the cgroup could be read: nothing was decided.
      if (this.#isGone(pid)) return false;
      this.#drop(pid, 'rules');
      this.#ended.delete(pid);
      return true;
    }

    const rule = decision.kind === 'selected' ? decision.rule : undefined;
    const own = decision.kind === 'selected' ? decision.identity : (inherited ?? {});
    // A worker process: the same program as its parent, selected by the same rule. And a program that goes on keeps its name.
    const isWorker = parent?.rule === rule && isSameProgram(parent?.image, { exe, cmdline });
    const goesOn = !occasion.exec && known?.rule === rule;
    const identity = goesOn ? (known?.identity ?? own) : isWorker ? (inherited ?? own) : own;
    const image = occasion.copyOf?.image ?? this.#images.read(pid, { exe, cmdline }, occasion.exec ? undefined : known?.image);
    for (const port of known?.ports ?? []) ports.add(port);
    const execs = (known?.process.execs ?? 0) + (known && occasion.exec ? 1 : 0);
    this.#select(known, {
      pid,
      startTime: stat.startTime,
      execs,
      image,
      rule,
      inherited,
      identity,
      ports,
      portsRead: portsRead || (known?.portsRead ?? false),
    });
    return true;
  }

  #select(known: Entry | undefined, seen: Omit<Entry, 'process'> & Pick<Required<TracedProcess>, 'pid' | 'startTime' | 'execs'>): void {
    const { pid, startTime, execs, ...state } = seen;
    const { exe, cmdline, attributes, traits } = state.image;
    const resource = this.#resource(known?.process.resource, { pid, exe, cmdline, attributes, traits, identity: state.identity });
    const { executionModel, fionreadSafe } = traits;
    const process: TracedProcess = { pid, startTime, execs, exe, cmdline, executionModel, fionreadSafe, resource };
    this.#traced.set(pid, { ...state, process });
    this.#ended.delete(pid);
    // An exec is news even where nothing else differs: the kernel side has taken back what it was told of this process.
    if (known && isDeepStrictEqual(known.process, process)) return;
    this.#options.listener.selected(process);
    // The kernel tells the end of traced processes only: nothing will be told of one that ended while it was looked at.
    if (this.#hasEnded(process)) this.#drop(pid, 'exit');
  }

  #hasEnded({ pid, startTime }: TracedProcess): boolean {
    const stat = this.#options.procFs.stat(pid);
    if (stat?.startTime !== startTime || stat.state === 'X') return true;
    // A process whose first thread ended before the others looks like one that ended.
    return stat.state === 'Z' && this.#options.procFs.threadNames(pid).length <= 1;
  }

  /** The same object as long as nothing in it changed, the same id as long as the process is traced. */
  #resource(known: ProcessResource | undefined, process: ServiceProcess): ProcessResource {
    const attributes = this.#options.resources.attributesOf(process);
    if (known && isDeepStrictEqual(known.attributes, attributes)) return known;
    return { id: known?.id ?? this.#ids.take(), attributes };
  }

  #isGone(pid: number): boolean {
    const state = this.#options.procFs.stat(pid)?.state;
    return state === undefined || state === 'Z' || state === 'X';
  }

  /**
   * A child that ended before its fork was told: the kernel traced it from the fork on, so its spans are on the way. What it ran is not to be learnt any
   * more; it is described as what every child is at first, a copy of its parent.
   */
  #rememberChild(pid: number, parent: Entry): void {
    const { exe, cmdline, attributes, traits } = parent.image;
    const resource = this.#resource(undefined, { pid, exe, cmdline, attributes, traits, identity: serviceOf(parent) });
    this.#ids.release(resource.id);
    this.#keepEnded(pid, resource);
  }

  /** A program that ended before its start was told: the kernel may have traced it, being in the watched cgroup or the child of a traced process. */
  #rememberProgram(pid: number, exe: string): void {
    const { rules } = this.#options;
    const known = this.#traced.get(pid);
    this.#drop(pid, 'exit');
    const cmdline = [exe];
    const decision = rules.decide({ pid, exe, cmdline, cgroup: () => rules.cgroup, ports: () => new Set() });
    if (decision.kind === 'excluded') this.#ended.delete(pid);
    if (decision.kind !== 'selected') return; // its parent's child, if it was that
    const traits: ProcessTraits = { executionModel: 'threads', fionreadSafe: false };
    const resource = this.#resource(known?.process.resource, { pid, exe, cmdline, attributes: {}, traits, identity: decision.identity });
    if (!known) this.#ids.release(resource.id);
    this.#keepEnded(pid, resource);
  }

  #readPorts(pid: number, ports: Set<number>, tables?: SocketTables): void {
    for (const port of listeningPorts(this.#options.procFs, pid, tables)) ports.add(port);
  }

  #drop(pid: number, reason: DeselectReason): void {
    const entry = this.#traced.get(pid);
    if (!entry) return;
    this.#traced.delete(pid);
    this.#ids.release(entry.process.resource.id);
    if (reason === 'exit') this.#keepEnded(pid, entry.process.resource);
    this.#options.listener.deselected(pid, reason);
  }

  #keepEnded(pid: number, resource: ProcessResource): void {
    const oldest = this.#ended.keys().next();
    if (this.#ended.size >= KEPT_AFTER_EXIT && !oldest.done) this.#ended.delete(oldest.value);
    this.#ended.set(pid, resource);
  }
}

function serviceOf({ process }: Entry): ServiceIdentity {
  const text = (value: AttributeValue | undefined) => (typeof value === 'string' ? value : undefined);
  const { attributes } = process.resource;
  return { name: text(attributes[ATTR_SERVICE_NAME]), namespace: text(attributes[ATTR_SERVICE_NAMESPACE]) };
}
