// SPDX-License-Identifier: Apache-2.0
/** Do the thread numbers that a process sees equal those that we see? */
import { readlinkSync } from 'node:fs';

export function sameNamespace(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`) === readlinkSync('/proc/self/ns/pid');
  } catch {
    return false;
  }
}
