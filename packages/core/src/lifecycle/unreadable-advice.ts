// SPDX-License-Identifier: Apache-2.0
/** What to tell the user of processes that may be wanted and that obi may not look at. */
import { placeOf } from '../process/index.js';

const NAMED = 5;

/**
 * @param pids at least one.
 * @param cgroup path of the watched one.
 * @param capabilities those that obi has.
 */
export function unreadableAdvice(pids: readonly number[], cgroup: string | undefined, capabilities: readonly string[]): string {
  const named = `${pids.slice(0, NAMED).join(', ')}${pids.length > NAMED ? ', …' : ''}`;
  const who = `selection: ${pids.length} ${pids.length === 1 ? 'process' : 'processes'}${placeOf(cgroup)} that may be meant (pid ${named}) cannot be looked at`;
  if (capabilities.includes('SYS_PTRACE'))
    return `${who}, although obi has CAP_SYS_PTRACE, and no such process is traced; a security module (AppArmor, SELinux) or a user namespace forbids it: run obi outside of it`;
  return `${who}, because CAP_SYS_PTRACE is missing and ${pids.length === 1 ? 'it runs' : 'they run'} as another user or with more rights than obi. No such process is traced, nor one that comes later; run obi as root with all its capabilities, grant CAP_SYS_PTRACE (setpriv, AmbientCapabilities= of systemd, --cap-add of containers), or run obi as their user`;
}
