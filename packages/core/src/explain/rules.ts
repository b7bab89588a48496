// SPDX-License-Identifier: Apache-2.0
/** The kernel's rules (enum obi_counter, `parent_…` and `orphan_…`) in words: what was decided, why, and what it would have taken. */
import { ObiCounter } from '../generated/core.events.js';
import type { ProcessRuntime } from '../lifecycle/runtimes.js';
import type { ExecutionModel } from '../process/index.js';

/** What is known of the program that sent the request. */
export interface Program {
  readonly service: string;
  /** `process.runtime.name`. */
  readonly runtimeName?: string | undefined;
  /** Undefined when the process has ended. */
  readonly model?: ExecutionModel | undefined;
  readonly runtime?: ProcessRuntime | undefined;
}

export interface RuleWords {
  /** A few words, for a line of a list. */
  readonly short: string;
  /** A sentence about the request that was sent. */
  readonly why: string;
  /** For a request without parent: what it would have taken. */
  needed?(program: Program): string;
}

const NAMES: readonly string[] = Object.entries(ObiCounter).reduce<string[]>((names, [name, value]) => {
  names[value] = name.toLowerCase();
  return names;
}, []);

/** The name under which the health output counts it. */
export const ruleName = (rule: number): string => NAMES[rule] ?? `rule_${rule}`;

const RULES: Readonly<Record<string, RuleWords>> = {
  parent_thread: {
    short: 'its thread had read the request',
    why: 'The thread that sent it had read the request, and had not answered it yet.',
  },
  parent_inherited: {
    short: 'its thread or process was started for the request',
    why: 'Its thread or process was started by one that worked for the request, and nobody else can have given it work since.',
  },
  parent_declared: {
    short: 'its scope works for the request, says the runtime probe',
    why: 'The runtime probe told for which request the scope that sent it (a task, a callback) works.',
  },
  parent_announced: {
    short: 'announced for its connection',
    why: 'Right before it was sent, the runtime probe told which request causes the next one on this connection.',
  },
  parent_proxy: {
    short: "the proxy's own note",
    why: 'The proxy itself had noted, where it keeps what it knows of the connection, that it uses it for the request.',
  },
  parent_span: {
    short: 'the program itself says so',
    why: 'What sent it is in a span that the program made itself (with OpenTelemetry), says the runtime probe.',
  },
  orphan_no_request: {
    short: 'no request was read before it',
    why: 'What sent it had read no request, and was not started by anything that had one.',
    needed: (program) =>
      program.model === 'proxy'
        ? 'Nothing, if the proxy sent it by itself (a health check, a timer). If a request caused it, the proxy keeps its note of that where ' +
          'obi does not find it: please report it with the version of the proxy.'
        : `Nothing, if no request caused it (a timer, a job at the start). Otherwise the work was handed over in a way that cannot be seen from outside: ${follow(program)}.`,
  },
  orphan_ended: {
    short: 'its request was answered before',
    why: 'The request that its scope worked for was answered before it was sent, or could not be claimed when it was read; an answered request causes nothing any more.',
    needed: () => 'Nothing: work that goes on after the answer begins a trace of its own.',
  },
  orphan_ambiguous: {
    short: 'several requests were possible',
    why: 'Its thread has worked for several open requests at a time, waits for events with one open, or does not answer itself what it reads.',
    needed: (program) => `To tell them apart takes more than threads: ${follow(program)}.`,
  },
  orphan_multiplexed: {
    short: 'its threads serve many requests at a time',
    why: 'The process serves many requests on each thread, so its threads say nothing about causes.',
    needed: (program) => `To follow requests inside ${program.service}: ${follow(program)}.`,
  },
  orphan_unjudged: {
    short: 'its program had just begun',
    why: 'The process had just executed its program, and obi did not know yet whether a thread of it serves one request at a time.',
    needed: () => 'Nothing: it takes some milliseconds after each exec.',
  },
  orphan_shared: {
    short: 'its thread may have got work from several requests',
    why: 'Its thread or process was started for a request, but other requests were open in the process since then, and can have given it work too.',
    needed: (program) => `To see who gave it this work: ${follow(program)}.`,
  },
  orphan_too_old: {
    short: 'its request is too old',
    why: 'The request that its scope works for began longer ago than ebpf.max_transaction_time.',
    needed: () => 'A higher ebpf.max_transaction_time (OTEL_EBPF_BPF_MAX_TRANSACTION_TIME), if requests take that long here.',
  },
  orphan_undeclared: {
    short: 'nothing that the runtime probe knows caused it',
    why: 'The runtime probe told that none of the requests which it follows caused what is sent next on this connection.',
    needed: () =>
      'Nothing, if no request caused it (a timer, a job). If one did, the runtime probe does not follow the way that the work took: please report it.',
  },
  orphan_pipelined: {
    short: 'several requests were open on its connection',
    why: 'Several requests were open on one connection when the runtime probe asked which of them was read.',
    needed: () => 'Clients that wait for an answer before they send the next request (no HTTP pipelining).',
  },
};

export function wordsOf(rule: number): RuleWords {
  const name = ruleName(rule);
  return RULES[name] ?? { short: name, why: `The kernel side says ${name}, which this version has no words for.` };
}

/** process.runtime.name → package; for all others a probe may exist, or not. */
const RUNTIME_PROBES: Readonly<Record<string, string>> = { nodejs: '@obi/probe-node', cpython: '@obi/probe-python', go: '@obi/probe-go' };

function follow({ runtime, runtimeName, service }: Program): string {
  if (runtime?.state === 'refused') return `probe ${runtime.probe} could not follow ${service}: ${runtime.reason}`;
  if (runtime?.state === 'attaching') return `probe ${runtime.probe} is still being set up in ${service}`;
  if (runtime?.state === 'scoped') return `probe ${runtime.probe} follows ${service} now; this was sent before, or where it does not look`;
  const known = runtimeName === undefined ? undefined : RUNTIME_PROBES[runtimeName];
  if (known !== undefined) return `install ${known} beside obi`;
  return `a runtime probe for ${runtimeName ?? 'this program'} is needed, and none that is installed applies`;
}
