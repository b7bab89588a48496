// SPDX-License-Identifier: Apache-2.0
/**
 * Keeps two obi from watching the same processes: each says which cgroup it watches by the name of an abstract Unix socket, which the kernel takes
 * away with the process however it ends, and looks for such names of others in all network namespaces (the kernel keeps these sockets apart by them).
 */
import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { dirname } from 'node:path';

const PREFIX = 'obi:watch:';
/** Of a socket's name, without the zero byte in front. */
const MAX_NAME = 107;

export interface OtherObi {
  readonly pid: number;
}

/** Held as long as this obi runs. */
export interface WatchClaim extends Disposable {
  /** Those that watch the same cgroup, one above it or one below it, at this moment. */
  others(): OtherObi[];
}

/**
 * Claim first, then ask for the {@link WatchClaim.others}: of two that start at the same moment at least one sees the other.
 * @param directory of the cgroup; undefined where there is no cgroup2.
 * @throws the error of listening.
 */
export async function claimWatch(directory: string | undefined): Promise<WatchClaim> {
  const ids = directory === undefined ? ['0'] : cgroupIds(realpathSync(directory));
  const server = await listen(nameOf(process.pid, ids));
  return {
    others: () => findOthers(ids),
    [Symbol.dispose]: () => void server.close(),
  };
}

/** Ids of the cgroup and of those above it, the uppermost first: their inode numbers, which are the same in every mount and namespace. */
function cgroupIds(directory: string): string[] {
  const { dev, ino } = statSync(directory, { bigint: true });
  const parent = dirname(directory);
  const above = parent !== directory && statSync(parent, { bigint: true }).dev === dev ? cgroupIds(parent) : [];
  return [...above, ino.toString(36)];
}

/** A cgroup very far down is told without some of those right above it. */
function nameOf(pid: number, ids: readonly string[]): string {
  const kept = [...ids];
  const name = () => `${PREFIX}${pid}:${kept.join('.')}`;
  while (name().length > MAX_NAME && kept.length > 1) kept.splice(-2, 1);
  return name();
}

function listen(name: string): Promise<Server> {
  // Nothing is ever said over it.
  const server = createServer((socket) => socket.destroy()).unref();
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(`\0${name}`, () => resolve(server));
  });
}

function findOthers(own: readonly string[]): OtherObi[] {
  const inodes = new Set<string>();
  for (const pid of onePerNetwork()) {
    for (const { inode, ids, owner } of claims(pid)) if (owner !== process.pid && isOverlap(own, ids)) inodes.add(inode);
  }
  return inodes.size === 0 ? [] : holders(inodes).map((pid) => ({ pid }));
}

/** One cgroup is the other, or above it. */
function isOverlap(one: readonly string[], other: readonly string[]): boolean {
  return one.includes(other.at(-1) ?? '') || other.includes(one.at(-1) ?? '');
}

/** Lines of /proc/<pid>/net/unix, whose last two columns are inode and name, `@` for each zero byte: some versions of Node fill names up with them. */
function claims(pid: string): { readonly inode: string; readonly ids: readonly string[]; readonly owner: number }[] {
  const claim = new RegExp(` (\\d+) @${PREFIX}(\\d+):([0-9a-z.]+)@*$`);
  return readOr(() => readFileSync(`/proc/${pid}/net/unix`, 'latin1'), '')
    .split('\n')
    .flatMap((line) => {
      const [, inode = '', owner, ids = ''] = claim.exec(line) ?? [];
      return owner === undefined ? [] : [{ inode, ids: ids.split('.'), owner: Number(owner) }];
    });
}

/** A name is free for everybody to take: only processes of root or of our own user are believed. And their pid is the one that we see. */
function holders(inodes: ReadonlySet<string>): number[] {
  const trusted = [0, process.getuid?.()];
  const wanted = new Set([...inodes].map((inode) => `socket:[${inode}]`));
  return processes()
    .filter((pid) => trusted.includes(readOr(() => statSync(`/proc/${pid}`).uid, -1)))
    .filter((pid) => readOr(() => readdirSync(`/proc/${pid}/fd`), []).some((fd) => wanted.has(readOr(() => readlinkSync(`/proc/${pid}/fd/${fd}`), ''))))
    .map(Number)
    .filter((pid) => pid !== process.pid);
}

function onePerNetwork(): string[] {
  const networks = new Map([[readOr(() => readlinkSync('/proc/self/ns/net'), ''), 'self']]);
  for (const pid of processes()) {
    const network = readOr(() => readlinkSync(`/proc/${pid}/ns/net`), '');
    if (!networks.has(network)) networks.set(network, pid);
  }
  return [...networks.values()];
}

const processes = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name));

/** Processes end while they are looked at, and some must not be looked at. */
function readOr<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
