// SPDX-License-Identifier: Apache-2.0
/** /proc as an obi without CAP_SYS_PTRACE sees it; the files of tests that run as root cannot refuse anything. */
import { ProcDirectory } from '../../src/process/proc-directory';

export class UnreadableProc extends ProcDirectory {
  readonly unreadable = new Set<number>();

  override executable(pid: number): string | undefined {
    return this.unreadable.has(pid) ? undefined : super.executable(pid);
  }

  override isUnreadable(pid: number): boolean {
    return this.unreadable.has(pid);
  }
}
