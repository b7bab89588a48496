// SPDX-License-Identifier: Apache-2.0
/** Listening sockets in the network namespace of a process, and whether they are its own. */
import { list, readLink, readText } from './process-status.js';

export interface Listener {
  readonly port: number;
  /** In the loopback range, so that nobody outside can be meant. */
  readonly isLoopback: boolean;
  readonly inode: string;
  readonly family: 4 | 6;
}

const LISTEN = '0A';
/** Addresses as /proc prints them: words of four bytes, each in the machine's order (little-endian on both of obi's architectures). */
const LOOPBACK_4 = /^[0-9A-F]{6}7F$/;
const LOOPBACK_6 = '00000000000000000000000001000000';

export function listenersIn(pid: number): Listener[] {
  return [...read(pid, 4), ...read(pid, 6)];
}

function read(pid: number, family: 4 | 6): Listener[] {
  const found: Listener[] = [];
  for (const line of (readText(`/proc/${pid}/net/tcp${family === 6 ? '6' : ''}`) ?? '').split('\n').slice(1)) {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
    if (state !== LISTEN) continue;
    const [address = '', port = ''] = local.split(':');
    found.push({ port: Number.parseInt(port, 16), isLoopback: family === 4 ? LOOPBACK_4.test(address) : address === LOOPBACK_6, inode, family });
  }
  return found;
}

/** Inodes of the sockets that the process holds. */
export function socketsOf(pid: number): Set<string> {
  const inodes = new Set<string>();
  for (const fd of list(`/proc/${pid}/fd`)) {
    const inode = readLink(`/proc/${pid}/fd/${fd}`)?.match(/^socket:\[(\d+)\]$/)?.[1];
    if (inode) inodes.add(inode);
  }
  return inodes;
}

export function ownListeners(pid: number): Listener[] {
  const all = listenersIn(pid);
  if (all.length === 0) return all;
  const own = socketsOf(pid);
  return all.filter(({ inode }) => own.has(inode));
}
