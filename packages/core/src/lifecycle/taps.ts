// SPDX-License-Identifier: Apache-2.0
/** Core's own programs: the taps that see bytes, the hooks that follow tasks, and the sockhash that carriers work on. */
import type { Config } from '../config/schema.js';
import { missingCapabilities } from '../discovery/obstacles.js';
import type { CoreObjects } from '../kernel/core-objects.js';
import type { KernelFeatures, LoadedObject } from '../kernel/kernel.js';
import type { KernelSession, Parameters } from '../kernel/kernel-session.js';
import type { Logger } from '../logging/logger.js';
import { cgroup2Mount } from '../process/index.js';
import type { WatchedCgroup } from './kernel-parameters.js';

export type Tap = 'syscalls' | 'tcp';

const TASK_HOOKS = {
  obi_exec: 'sched_process_exec',
  obi_fork: 'sched_process_fork',
  obi_exit: 'sched_process_exit',
  obi_sock_state: 'inet_sock_set_state',
  obi_sock_gone: 'tcp_destroy_sock',
} as const;

/** For the sockhash, and what is attached to it and to the cgroup; what else loading takes, every run has. */
const CARRIER_RIGHTS = ['NET_ADMIN'];

const TCP_HOOKS = ['obi_tcp_send', 'obi_tcp_sent', 'obi_tcp_recv', 'obi_tcp_recvd'] as const;

/** `obi_cfg_bytes` of core/syscalls.bpf.c: with the TCP tap, only what does not pass through tcp_sendmsg or tcp_recvmsg. */
const BYTES = { tcp: 1, syscalls: 2 } as const;

export function attachTasks(session: KernelSession, tasks: LoadedObject): void {
  for (const [program, tracepoint] of Object.entries(TASK_HOOKS)) {
    session.attach('core', `${program} to ${tracepoint}`, () => tasks.attachRawTracepoint(program, tracepoint));
  }
}

/** The bytes of streams: through the TCP functions where BPF trampolines exist (they see io_uring too), through system calls elsewhere. */
export function attachTap(session: KernelSession, objects: CoreObjects, config: Config, features: KernelFeatures, parameters: Parameters, log: Logger): Tap {
  const wanted = config.ebpf.tap;
  if (wanted === 'tcp' && !features.fentry) log.warn('tap: this kernel has no fentry; reading through system calls instead');
  const tap: Tap = wanted === 'syscalls' || !features.fentry ? 'syscalls' : 'tcp';
  if (tap === 'tcp') {
    const tcp = session.load({ actor: 'core', name: 'tcp', image: objects.tcp, parameters });
    for (const program of TCP_HOOKS) session.attach('core', program, () => tcp.attachTrace(program));
  }
  // Also with the TCP tap: how threads wait, and sendfile and splice, are seen at system calls only.
  const syscalls = session.load({ actor: 'core', name: 'syscalls', image: objects.syscalls, parameters: { ...parameters, obi_cfg_bytes: BYTES[tap] } });
  session.attach('core', 'obi_sys_exit to sys_exit', () => syscalls.attachRawTracepoint('obi_sys_exit', 'sys_exit'));
  return tap;
}

/** @returns false when outgoing bytes cannot be watched on this machine or with these rights; the reason is added to `limits`. */
export function attachSockets(
  session: KernelSession,
  objects: CoreObjects,
  cgroup: WatchedCgroup | undefined,
  parameters: Parameters,
  features: KernelFeatures,
  limits: string[],
): boolean {
  const missing = missingCapabilities(CARRIER_RIGHTS, features.capabilities);
  if (missing.length > 0) {
    const names = missing.map((name) => `CAP_${name}`).join(', ');
    limits.push(
      `propagation: off, because ${names} is missing: spans are written, but no traceparent header; run obi as root or grant ${names} (setpriv, AmbientCapabilities= of systemd, --cap-add of containers), or set ebpf.context_propagation to disabled`,
    );
    return false;
  }
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
