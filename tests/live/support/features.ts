// SPDX-License-Identifier: Apache-2.0
// What obi finds this kernel to be: tests expect less where the kernel allows less.
import { execFileSync } from 'node:child_process';
import path from 'node:path';

export interface Features {
  readonly fentry: boolean;
  readonly fionreadFault: boolean | 'unknown';
  /** Programs may write into the memory of processes. */
  readonly probeWriteUser: boolean;
}

export const root = path.resolve(__dirname, '../../..');
export const inVm = Boolean(process.env.OBI_VM);
/** In a virtual machine without hardware support a request takes about a hundred times as long: there one of each kind is run, OBI_VM_FULL=1 runs them all. */
export const isSample = inVm && !process.env.OBI_VM_FULL;

let known: Features | undefined;

/** As the built addon reports them. */
export function features(): Features {
  const script = "import { createKernel } from '@obi/native'; process.stdout.write(JSON.stringify(createKernel().features()))";
  known ??= JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd: path.join(root, 'packages/cli'), encoding: 'utf8' }),
  ) as Features;
  return known;
}

/** May later requests of a kept connection of this language carry the header? Sockets that block leave with their first request (traps.live.test.ts, F). */
export function keepsHeaders(language: string): boolean {
  return language !== 'java';
}
