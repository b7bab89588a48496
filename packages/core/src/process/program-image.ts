// SPDX-License-Identifier: Apache-2.0
/** What a process runs: read at its exec, handed on by a fork, looked at again when there may be more to see. */
import type { ProcessTraits, TraitReader } from './execution-model.js';
import { environmentAttributes, type TextAttributes } from './otel-environment.js';
import type { ProcFs } from './proc-fs.js';

export interface Program {
  readonly exe: string;
  readonly cmdline: readonly string[];
}

export interface ProgramImage extends Program {
  /** From the process' environment; the rest of that is not kept: it may hold secrets. */
  readonly attributes: TextAttributes;
  readonly traits: ProcessTraits;
}

export class ProgramImageReader {
  constructor(
    private readonly procFs: ProcFs,
    private readonly traits: TraitReader,
  ) {}

  /** @param previous what was known of the same program in the same process. */
  read(pid: number, program: Program, previous?: ProgramImage): ProgramImage {
    const { exe, cmdline } = program;
    const traits = this.traits.read({ pid, exe, cmdline });
    if (!previous) return { exe, cmdline, traits, attributes: environmentAttributes(this.procFs.environment(pid)) };
    return { exe, cmdline, attributes: previous.attributes, traits: mergeTraits(previous.traits, traits) };
  }
}

/** Evidence comes (a library is loaded) and goes (its file is replaced, a thread ends); what the program is does not. */
function mergeTraits(before: ProcessTraits, now: ProcessTraits): ProcessTraits {
  return {
    executionModel: before.executionModel === 'threads' ? now.executionModel : before.executionModel,
    fionreadSafe: now.fionreadSafe,
    language: now.language ?? before.language,
    runtime: now.runtime ?? before.runtime,
  };
}

export function isSameProgram(a: Program | undefined, b: Program): boolean {
  return a?.exe === b.exe && a.cmdline.join('\0') === b.cmdline.join('\0');
}
