// SPDX-License-Identifier: Apache-2.0
/** Listening sockets in the network namespace of a process, and whether they are its own. */
import { BlockList } from 'node:net';
import { list, readLink, readText } from './process-status.js';

export interface Listener {
  /** In full, e.g. `0:0:0:0:0:0:0:1`. */
  readonly address: string;
  readonly port: number;
  /** In the loopback range: nobody outside can reach it. */
  readonly isLoopback: boolean;
  readonly inode: string;
  readonly family: 4 | 6;
}

const LISTEN = '0A';
const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8); // as part of IPv6 too
loopback.addAddress('::1', 'ipv6');

export function listenersIn(pid: number): Listener[] {
  return [...read(pid, 4), ...read(pid, 6)];
}

function read(pid: number, family: 4 | 6): Listener[] {
  const found: Listener[] = [];
  for (const line of (readText(`/proc/${pid}/net/tcp${family === 6 ? '6' : ''}`) ?? '').split('\n').slice(1)) {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
    if (state !== LISTEN) continue;
    const [hex = '', port = ''] = local.split(':');
    const address = addressOf(hex, family);
    found.push({ address, port: Number.parseInt(port, 16), isLoopback: loopback.check(address, `ipv${family}`), inode, family });
  }
  return found;
}

/** /proc prints words of four bytes, each in the machine's order (little-endian on both of obi's architectures). */
function addressOf(hex: string, family: 4 | 6): string {
  const bytes = Buffer.from(hex, 'hex').swap32();
  if (family === 4) return bytes.join('.');
  return Array.from({ length: 8 }, (_, n) => bytes.readUInt16BE(2 * n).toString(16)).join(':');
}

/** What the process holds, by descriptor. */
export interface Descriptors {
  /** Sockets and pipes as links name them, e.g. `socket:[4711]`. */
  readonly links: ReadonlyMap<string, string>;
  /** Those of epoll. */
  readonly polls: readonly string[];
}

export function descriptorsOf(pid: number): Descriptors {
  const links = new Map<string, string>();
  const polls: string[] = [];
  for (const fd of list(`/proc/${pid}/fd`)) {
    const link = readLink(`/proc/${pid}/fd/${fd}`) ?? '';
    if (link === 'anon_inode:[eventpoll]') polls.push(fd);
    else if (/^(socket|pipe):/.test(link)) links.set(fd, link);
  }
  return { links, polls };
}

export const linkOf = ({ inode }: Listener): string => `socket:[${inode}]`;

export function ownListeners(pid: number, { links }: Descriptors = descriptorsOf(pid)): Listener[] {
  const own = new Set(links.values());
  return listenersIn(pid).filter((listener) => own.has(linkOf(listener)));
}

/** For each epoll descriptor of the process the sockets and pipes that it waits for. */
export function watchedIn(pid: number, { links, polls }: Descriptors): string[][] {
  return polls.map((poll) => {
    const lines = (readText(`/proc/${pid}/fdinfo/${poll}`) ?? '').matchAll(/^tfd:\s*(\d+)/gm);
    return [...lines].flatMap(([, fd = '']) => links.get(fd) ?? []);
  });
}
