// SPDX-License-Identifier: Apache-2.0
/** When news of processes were lost: makes discovery's table and the kernel's say the same again. */
import type { ProcessTable } from '../process/index.js';
import type { ProcessMap } from './process-map.js';

/**
 * Finds what was missed: processes that came or ended, those that the kernel took by itself and that the rules do not want, and programs that were executed
 * unseen, for which the kernel has taken back what it was told.
 */
export function lookAgain(table: Pick<ProcessTable, 'scan' | 'get' | 'onExec'>, map: Pick<ProcessMap, 'pids' | 'reject' | 'isReset'>): void {
  // Before the scan: one that the kernel takes while we look has its news on the way, and is judged then.
  const traced = map.pids();
  table.scan();
  for (const pid of traced) {
    if (!table.get(pid)) map.reject(pid);
    else if (map.isReset(pid)) table.onExec(pid);
  }
}
