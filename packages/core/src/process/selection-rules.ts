// SPDX-License-Identifier: Apache-2.0
/** The rules of `discovery.*`: which processes are traced, and under which name. */
import { compileGlob } from './glob.js';
import { parsePorts } from './port-set.js';
import { joinCommandLine } from './process-evidence.js';

/** One entry of `discovery.*`, as the configuration has it: all criteria that are given must hold. */
export interface ProcessSelector {
  /** Ports and ranges, see {@link parsePorts}; one that the process listens on is enough. */
  readonly open_ports?: string | undefined;
  /** Glob over the path of the executable. */
  readonly exe_path?: string | undefined;
  /** Glob over the arguments joined by spaces. */
  readonly cmd_args?: string | undefined;
  readonly target_pids?: readonly number[] | undefined;
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
}

export interface SelectionConfig {
  readonly instrument: readonly ProcessSelector[];
  readonly exclude: readonly ProcessSelector[];
  /** Path of the watched cgroup in the version 2 hierarchy (see {@link unifiedCgroupPath}); only its members and those of its descendants are traced. */
  readonly cgroup?: string | undefined;
}

/** What rules look at. `ports` is asked for only when everything else in an entry holds. */
export interface Candidate {
  readonly pid: number;
  readonly exe: string;
  readonly cmdline: readonly string[];
  cgroup(): string | undefined;
  ports(): ReadonlySet<number>;
}

/** How a selected process is called. */
export interface ServiceIdentity {
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
}

export type Decision =
  /** An exclude entry matches, or the process is outside the watched cgroup. */
  | { readonly kind: 'excluded' }
  /** `rule` numbers the entry of `instrument`, -1 where the cgroup alone selects. */
  | { readonly kind: 'selected'; readonly rule: number; readonly identity: ServiceIdentity }
  | { readonly kind: 'unmatched' };

/** What can be read of a process whatever its user. */
export type VisiblePart = Pick<Candidate, 'pid' | 'cmdline' | 'cgroup'>;

interface Selector {
  matches(image: Candidate): boolean;
  /** For processes of which only this much can be read: `maybe` where the rest decides. */
  judge(image: VisiblePart): 'yes' | 'no' | 'maybe';
}

/**
 * Entries are alternatives; the first of `instrument` that matches names the service; an exclusion wins over every selection.
 * Without `instrument` entries, a cgroup selects all of its members; without both, nothing is selected (see {@link advice}).
 */
export class SelectionRules {
  /** What to tell the user when no process can ever be selected. */
  readonly advice: string | undefined;
  /** The entries of `instrument`, in words: what each looks for. */
  readonly descriptions: readonly string[];
  /** Path of the watched cgroup, if there is one. */
  readonly cgroup: string | undefined;
  readonly #exclude: readonly Selector[];
  readonly #instrument: readonly { readonly selector: Selector; readonly identity: ServiceIdentity }[];

  constructor(config: SelectionConfig) {
    this.cgroup = config.cgroup;
    this.descriptions = config.instrument.map(describeSelector);
    this.#exclude = config.exclude.map(compileSelector);
    this.#instrument = config.instrument.map((entry) => ({ selector: compileSelector(entry), identity: { name: entry.name, namespace: entry.namespace } }));
    if (config.instrument.length === 0 && config.cgroup === undefined)
      this.advice =
        'selection: no process is traced, because nothing says which; set discovery.instrument (or its short cuts OTEL_EBPF_AUTO_TARGET_EXE, OTEL_EBPF_OPEN_PORT, OTEL_EBPF_TARGET_PID), or ebpf.cgroup_path to trace all of a cgroup';
  }

  decide(image: Candidate): Decision {
    if (this.cgroup !== undefined && !isWithin(image.cgroup(), this.cgroup)) return { kind: 'excluded' };
    if (this.#exclude.some((selector) => selector.matches(image))) return { kind: 'excluded' };
    if (this.#instrument.length === 0) return this.cgroup === undefined ? { kind: 'unmatched' } : { kind: 'selected', rule: -1, identity: {} };
    const rule = this.#instrument.findIndex(({ selector }) => selector.matches(image));
    const entry = this.#instrument[rule];
    return entry ? { kind: 'selected', rule, identity: entry.identity } : { kind: 'unmatched' };
  }

  /** Could {@link decide} select this process, if all of it could be read? @param isInherited whether `unmatched` is enough: its parent is traced. */
  mayWant(image: VisiblePart, isInherited: boolean): boolean {
    if (this.cgroup !== undefined && !isWithin(image.cgroup(), this.cgroup)) return false;
    if (this.#exclude.some((selector) => selector.judge(image) === 'yes')) return false;
    if (isInherited) return true;
    return this.#instrument.length === 0 ? this.cgroup !== undefined : this.#instrument.some(({ selector }) => selector.judge(image) !== 'no');
  }
}

/** e.g. `exe_path "java" and open_ports 8080` */
function describeSelector({ open_ports, exe_path, cmd_args, target_pids }: ProcessSelector): string {
  return [
    target_pids && `target_pids ${target_pids.join(',')}`,
    exe_path !== undefined && `exe_path "${exe_path}"`,
    cmd_args !== undefined && `cmd_args "${cmd_args}"`,
    open_ports !== undefined && `open_ports ${open_ports}`,
  ]
    .filter(Boolean)
    .join(' and ');
}

function compileSelector(selector: ProcessSelector): Selector {
  const visible: ((image: VisiblePart) => boolean)[] = [];
  const hidden: ((image: Candidate) => boolean)[] = [];
  const { target_pids, exe_path, cmd_args, open_ports } = selector;
  if (target_pids) visible.push((image) => target_pids.includes(image.pid));
  if (cmd_args !== undefined) {
    const matches = compileGlob(cmd_args);
    visible.push((image) => matches(joinCommandLine(image.cmdline)));
  }
  if (exe_path !== undefined) {
    const matches = compileGlob(exe_path);
    hidden.push((image) => matches(image.exe));
  }
  // Last: the only test that has to read more of the process.
  if (open_ports !== undefined) {
    const wanted = parsePorts(open_ports);
    hidden.push((image) => [...image.ports()].some((port) => wanted.has(port)));
  }
  const isEmpty = visible.length + hidden.length === 0;
  return {
    matches: (image) => !isEmpty && visible.every((test) => test(image)) && hidden.every((test) => test(image)),
    judge: (image) => (isEmpty || !visible.every((test) => test(image)) ? 'no' : hidden.length > 0 ? 'maybe' : 'yes'),
  };
}

/** For messages: where processes are looked for, empty where that is everywhere. */
export function placeOf(cgroup: string | undefined): string {
  return cgroup === undefined || cgroup === '/' ? '' : ` in cgroup ${cgroup}`;
}

function isWithin(path: string | undefined, cgroup: string): boolean {
  return path !== undefined && (cgroup === '/' || path === cgroup || path.startsWith(`${cgroup}/`));
}
