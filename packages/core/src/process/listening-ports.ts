// SPDX-License-Identifier: Apache-2.0
/** Which TCP ports a process listens on, from its open sockets and the tables of its own network namespace. */
import type { ProcFs } from './proc-fs.js';

/** Remembers the socket tables of network namespaces; make one per scan, since the tables change. */
export type SocketTables = Map<string, ReadonlyMap<string, number>>;

const NO_PORTS: ReadonlySet<number> = new Set();

export function listeningPorts(procFs: ProcFs, pid: number, tables?: SocketTables): ReadonlySet<number> {
  const inodes = procFs.openFiles(pid).flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []);
  // The table lists every connection of the namespace: not read for the many processes that have no socket.
  if (inodes.length === 0) return NO_PORTS;
  const sockets = namespaceSockets(procFs, pid, tables);
  return new Set(inodes.flatMap((inode) => sockets.get(inode) ?? []));
}

function namespaceSockets(procFs: ProcFs, pid: number, tables: SocketTables | undefined): ReadonlyMap<string, number> {
  const namespace = tables && procFs.networkNamespace(pid);
  if (!tables || namespace === undefined) return procFs.listeningSockets(pid);
  const known = tables.get(namespace);
  if (known) return known;
  const sockets = procFs.listeningSockets(pid);
  // An empty answer may be a process that just ended: not remembered for the others of its namespace.
  if (sockets.size > 0) tables.set(namespace, sockets);
  return sockets;
}
