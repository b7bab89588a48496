// SPDX-License-Identifier: Apache-2.0
/** May this process be sent SIGUSR1? Only when its handler is Node's own, which opens the inspector: an application's would be disturbed, the default would kill. */
import { isNodeCode } from './identify.js';
import { has, mappedCodeAt, readLink, readStatus } from './process-status.js';
import { SA_RESTART, type SignalHandler } from './signal-handler.js';

export const SIGUSR1 = 10;

export type SignalVerdict =
  | { readonly may: true }
  /** `later`: it may only be starting, and handle the signal in a moment. */
  | { readonly may: false; readonly reason: string; readonly later?: boolean };

const no = (reason: string): SignalVerdict => ({ may: false, reason });

export function mayBeSignalled(pid: number, handlerOf: (pid: number, signal: number) => SignalHandler | undefined): SignalVerdict {
  const status = readStatus(pid);
  if (!status || status.state === 'X') return no('it has ended');
  if (status.state === 'Z') return no('it has ended (zombie)');
  if (status.state === 'T' || status.state === 't') return no('it is stopped, by a signal or a debugger: start obi again when it runs');
  if (has(status.ignored, SIGUSR1)) return no('it ignores SIGUSR1');
  if (!has(status.caught, SIGUSR1) || has(status.blocked, SIGUSR1)) {
    return {
      may: false,
      reason: 'it opens no inspector at SIGUSR1 (--disable-sigusr1, the permission model, a build without inspector, or a handler that was removed)',
      later: true,
    };
  }
  const handler = handlerOf(pid, SIGUSR1);
  if (!handler) return no('it has ended');
  // /proc shows the same for both: libuv, on behalf of process.on('SIGUSR1'), asks for restarted calls; Node's own handler does not.
  if (handler.flags & SA_RESTART) return no("the application handles SIGUSR1 itself (process.on('SIGUSR1'))");
  const file = mappedCodeAt(pid, handler.address);
  if (file === undefined || !isNodeCode(file, readLink(`/proc/${pid}/exe`))) return no(`its SIGUSR1 is handled by ${file ?? 'code outside any file'}`);
  return { may: true };
}
