// SPDX-License-Identifier: Apache-2.0
/** Core's own programs: the taps that see bytes, the hooks that follow tasks, and the sockhash that carriers work on. */
import type { Config } from '../config/schema.js';
import type { CoreObjects } from '../kernel/core-objects.js';
import type { KernelSession, Parameters } from '../kernel/kernel-session.js';
import type { KernelFeatures, LoadedObject } from '../kernel/kernel.js';
import type { Logger } from '../logging/logger.js';
import { cgroup2Mount } from '../process/index.js';
import type { WatchedCgroup } from './kernel-parameters.js';

export type Tap = 'syscalls' | 'tcp';

const TASK_HOOKS = {
  obi_exec: 'sched_process_exec',
  obi_fork: 'sched_process_fork',
  obi_exit: 'sched_process_exit',
  obi_sock_state: 'inet_sock_set_state',
} as const;

const TCP_HOOKS = [
  { program: 'obi_tcp_send', function: 'tcp_sendmsg', return: false },
  { program: 'obi_tcp_sent', function: 'tcp_sendmsg', return: true },
  { program: 'obi_tcp_recv', function: 'tcp_recvmsg', return: false },
  { program: 'obi_tcp_recvd', function: 'tcp_recvmsg', return: true },
] as const;

export function attachTasks(session: KernelSession, tasks: LoadedObject): void {
  for (const [program, tracepoint] of Object.entries(TASK_HOOKS)) {
    session.attach('core', `${program} to ${tracepoint}`, () => tasks.attachRawTracepoint(program, tracepoint));
  }
}

/** The bytes of streams: through the TCP functions where kprobes exist (they see io_uring too), through system calls elsewhere. */
export function attachTap(session: KernelSession, objects: CoreObjects, config: Config, features: KernelFeatures, parameters: Parameters, log: Logger): Tap {
  const wanted = config.ebpf.tap;
  if (wanted === 'tcp' && !features.kprobes) log.warn('tap: this kernel has no kprobes; reading through system calls instead');
  const tap: Tap = wanted === 'syscalls' || !features.kprobes ? 'syscalls' : 'tcp';
  if (tap === 'tcp') {
    const tcp = session.load({ actor: 'core', name: 'tcp', image: objects.tcp, parameters });
    for (const hook of TCP_HOOKS) {
      session.attach('core', `${hook.program} to ${hook.function}`, () => tcp.attachKprobe(hook.program, hook.function, { return: hook.return }));
    }
  }
  // Also with the TCP tap: how threads wait is seen at system calls only.
  const syscalls = session.load({ actor: 'core', name: 'syscalls', image: objects.syscalls, parameters: { ...parameters, obi_cfg_bytes: tap === 'syscalls' } });
  session.attach('core', 'obi_sys_exit to sys_exit', () => syscalls.attachRawTracepoint('obi_sys_exit', 'sys_exit'));
  return tap;
}

/** @returns false when outgoing bytes cannot be watched on this machine; the reason is added to `limits`. */
export function attachSockets(session: KernelSession, objects: CoreObjects, cgroup: WatchedCgroup | undefined, parameters: Parameters, features: KernelFeatures, limits: string[]): boolean {
  const directory = cgroup?.directory ?? cgroup2Mount();
  if (directory === undefined) {
    limits.push('propagation: off, because no cgroup2 file system is mounted here; mount one, or name a cgroup with ebpf.cgroup_path');
    return false;
  }
  const sockets = session.load({ actor: 'core', name: 'sockets', image: objects.sockets, parameters });
  session.attach('core', 'obi_msg to the sockhash', () => sockets.attachSkMsg('obi_msg', session.map('obi_sockhash')));
  session.attach('core', `obi_sockops to ${directory}`, () => sockets.attachCgroup('obi_sockops', directory));
  if (features.fionreadFault !== false) {
    limits.push(
      `propagation: ${features.fionreadFault === true ? 'this kernel answers FIONREAD wrongly for watched sockets' : 'it could not be found out whether this kernel answers FIONREAD rightly for watched sockets'}; ` +
        'connections of programs that may ask (all but ebpf.fionread_safe_executables) carry the traceparent header on their first request only',
    );
  }
  return true;
}
