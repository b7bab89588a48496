// SPDX-License-Identifier: Apache-2.0
import { ProcDirectory } from './proc-directory.js';
import type { ProcFs } from './proc-fs.js';
import type { TracedProcess } from './traced-process.js';

/** Whether this very process lives, and still runs the program that it ran when it was described. Of one that is ending: false. */
export function stillRuns({ pid, startTime, exe }: TracedProcess, procFs: ProcFs = new ProcDirectory()): boolean {
  const stat = procFs.stat(pid);
  return stat?.startTime === startTime && stat.state !== 'Z' && stat.state !== 'X' && procFs.executable(pid) === exe;
}
