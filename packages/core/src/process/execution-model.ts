// SPDX-License-Identifier: Apache-2.0
/** What a program's runtime means for tracing it: whether a thread stands for a request, and whether its sockets may be watched. */
import { compilePathGlobs, type Glob } from './glob.js';
import type { ProcFs } from './proc-fs.js';
import { compileEvidence, type EvidenceTest, ProcessEvidence, type SectionCache } from './process-evidence.js';
import { DEFAULT_FIONREAD_SAFE, MULTIPLEXERS, PROXIES, RUNTIMES } from './runtime-table.js';

/**
 * `threads`: a thread works on one request at a time, so the parent of an outgoing call may be found by thread.
 * `multiplexed`: it does not; without a runtime probe an outgoing call has no known parent.
 * `proxy`: it does not either, but notes itself for which request it uses an upstream connection, where the kernel side can read it (docs/reference/hand-offs.md).
 */
export type ExecutionModel = 'threads' | 'multiplexed' | 'proxy';

export interface ProcessTraits {
  readonly executionModel: ExecutionModel;
  /** False: on kernels with the FIONREAD fault the sockets of this process have to stay out of sockhashes. */
  readonly fionreadSafe: boolean;
  /** telemetry.sdk.language, where it is known. */
  readonly language?: string | undefined;
  /** process.runtime.name, where it is known. */
  readonly runtime?: string | undefined;
}

export interface TraitOptions {
  /** Globs of executables that are `multiplexed` besides those that the table knows. */
  readonly multiplexed?: readonly string[] | undefined;
  /** Globs of executables that are `threads` whatever the table says. */
  readonly threaded?: readonly string[] | undefined;
  /** Globs of executables that never use FIONREAD; replaces {@link DEFAULT_FIONREAD_SAFE}. Go programs always count. */
  readonly fionreadSafe?: readonly string[] | undefined;
}

/**
 * Classifies processes. What a process shows changes as it starts up (libraries, threads), so the answer is that of the moment;
 * `multiplexed` once seen stays true for the same program, which is for the caller to keep.
 */
export class TraitReader {
  readonly #procFs: ProcFs;
  readonly #sections: SectionCache = new Map();
  readonly #multiplexed: Glob;
  readonly #threaded: Glob;
  readonly #fionreadSafe: Glob;
  readonly #proxies: readonly EvidenceTest[];
  readonly #multiplexers: readonly EvidenceTest[];
  readonly #runtimes: readonly { readonly language: string | undefined; readonly runtime: string | undefined; readonly tests: readonly EvidenceTest[] }[];

  constructor(procFs: ProcFs, options: TraitOptions = {}) {
    this.#procFs = procFs;
    this.#multiplexed = compilePathGlobs(options.multiplexed ?? []);
    this.#threaded = compilePathGlobs(options.threaded ?? []);
    this.#fionreadSafe = compilePathGlobs(options.fionreadSafe ?? DEFAULT_FIONREAD_SAFE);
    this.#proxies = PROXIES.map(compileEvidence);
    this.#multiplexers = MULTIPLEXERS.map(compileEvidence);
    this.#runtimes = RUNTIMES.map(({ language, runtime, anyOf }) => ({ language, runtime, tests: anyOf.map(compileEvidence) }));
  }

  read(process: { readonly pid: number; readonly exe: string; readonly cmdline: readonly string[] }): ProcessTraits {
    const evidence = new ProcessEvidence(this.#procFs, this.#sections, process);
    const runtime = this.#runtimes.find(({ tests }) => tests.some((test) => test(evidence)));
    return {
      executionModel: this.#executionModel(evidence),
      fionreadSafe: this.#fionreadSafe(process.exe) || runtime?.runtime === 'go',
      language: runtime?.language,
      runtime: runtime?.runtime,
    };
  }

  #executionModel(evidence: ProcessEvidence): ExecutionModel {
    if (this.#threaded(evidence.executable)) return 'threads';
    if (this.#multiplexed(evidence.executable)) return 'multiplexed';
    if (this.#proxies.some((test) => test(evidence))) return 'proxy';
    return this.#multiplexers.some((test) => test(evidence)) ? 'multiplexed' : 'threads';
  }
}
