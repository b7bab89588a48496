// SPDX-License-Identifier: Apache-2.0
/** Core's own BPF objects, handed in by the host (built in bpf/, shipped as @obi/bpf). */

export const CoreObjects = Symbol.for('obi.CoreObjects');
/** ELF images for the running architecture. */
export interface CoreObjects {
  /** Processes, threads and sockets: life cycle, and the news for process discovery. */
  readonly tasks: Uint8Array;
  /** Tap: system calls. */
  readonly syscalls: Uint8Array;
  /** Tap: tcp_sendmsg and tcp_recvmsg by fentry and fexit. */
  readonly tcp: Uint8Array;
  /** sock_ops and sk_msg: the sockhash that carriers work on. */
  readonly sockets: Uint8Array;
}
