// SPDX-License-Identifier: Apache-2.0
/** {@link ProcFs} over a directory: /proc, or a tree that looks like it. */
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcessStat, ProcFs, RandomAccessFile } from './proc-fs.js';

const TCP_LISTEN = '0A';
const DELETED = ' (deleted)';
/** Of the flags in stat (include/linux/sched.h). */
const PF_KTHREAD = 0x0020_0000;

/** Reads are synchronous: /proc answers from memory, and an event is handled whole before the next one. */
export class ProcDirectory implements ProcFs {
  readonly #root: string;

  constructor(root = '/proc') {
    this.#root = root;
  }

  pids(): number[] {
    return this.#list('')
      .filter((name) => /^[1-9]\d*$/.test(name))
      .map(Number);
  }

  stat(pid: number): ProcessStat | undefined {
    const fields = this.#statFields(pid);
    const [state, parent] = fields;
    const startTime = Number(fields[19]);
    if (!state || !parent || !Number.isFinite(startTime)) return undefined;
    return { state, parentPid: Number(parent), startTime };
  }

  children(pid: number): number[] {
    const lists = this.#list(`${pid}/task`).map((tid) => attempt(() => readFileSync(this.#path(`${pid}/task/${tid}/children`), 'utf8')));
    // Kernels without CONFIG_PROC_CHILDREN have no such files.
    if (lists.every((list) => list === undefined)) return this.pids().filter((other) => this.stat(other)?.parentPid === pid);
    return lists.flatMap((list) => list?.split(' ').map(Number) ?? []).filter((child) => child > 0);
  }

  executable(pid: number): string | undefined {
    const path = this.#link(`${pid}/exe`);
    return path?.endsWith(DELETED) ? path.slice(0, -DELETED.length) : path;
  }

  isUnreadable(pid: number): boolean {
    try {
      readlinkSync(this.#path(`${pid}/exe`));
      return false;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EACCES') return false;
    }
    // Rights are asked for before it is seen that a kernel thread has no executable.
    const flags = Number(this.#statFields(pid)[6]);
    return Number.isInteger(flags) && (flags & PF_KTHREAD) === 0;
  }

  openExecutable(pid: number): RandomAccessFile | undefined {
    return attempt(() => new OpenFile(openSync(this.#path(`${pid}/exe`), 'r')));
  }

  commandLine(pid: number): string[] {
    const text = this.#text(`${pid}/cmdline`);
    if (text === '') return [];
    // A process may overwrite its arguments (setproctitle): then there is one string, padded with zeros.
    return text.replace(/\0+$/, '').split('\0');
  }

  environment(pid: number): ReadonlyMap<string, string> {
    const variables = new Map<string, string>();
    for (const entry of this.#text(`${pid}/environ`).split('\0')) {
      const equals = entry.indexOf('=');
      const name = entry.slice(0, equals);
      // As getenv does: the first of two entries with one name counts.
      if (equals > 0 && !variables.has(name)) variables.set(name, entry.slice(equals + 1));
    }
    return variables;
  }

  cgroup(pid: number): string | undefined {
    return /^0::(.*)$/m.exec(this.#text(`${pid}/cgroup`))?.[1];
  }

  threadNames(pid: number): string[] {
    return this.#list(`${pid}/task`)
      .map((tid) => this.#text(`${pid}/task/${tid}/comm`).trimEnd())
      .filter((name) => name !== '');
  }

  mappedFiles(pid: number): string[] {
    const files = new Set<string>();
    for (const line of this.#text(`${pid}/maps`).split('\n')) {
      const path = /^(?:\S+\s+){5}(\/.*)$/.exec(line)?.[1];
      if (path !== undefined) files.add(path);
    }
    return [...files];
  }

  openFiles(pid: number): string[] {
    return this.#list(`${pid}/fd`)
      .map((fd) => this.#link(`${pid}/fd/${fd}`))
      .filter((target) => target !== undefined);
  }

  networkNamespace(pid: number): string | undefined {
    return this.#link(`${pid}/ns/net`);
  }

  listeningSockets(pid: number): ReadonlyMap<string, number> {
    const ports = new Map<string, number>();
    for (const table of ['tcp', 'tcp6']) {
      for (const line of this.#text(`${pid}/net/${table}`).split('\n')) {
        const fields = line.trim().split(/\s+/);
        const port = fields[1]?.split(':')[1];
        const inode = fields[9];
        if (fields[3] === TCP_LISTEN && port && inode) ports.set(inode, Number.parseInt(port, 16));
      }
    }
    return ports;
  }

  fileExists(pid: number, path: string): boolean {
    return existsSync(this.#path(join(`${pid}/root`, path)));
  }

  /** From the third one on: the second is the name in parentheses, and may hold spaces and parentheses itself. */
  #statFields(pid: number): string[] {
    const text = this.#text(`${pid}/stat`);
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  }

  #path(name: string): string {
    return join(this.#root, name);
  }

  #text(name: string): string {
    return attempt(() => readFileSync(this.#path(name), 'utf8')) ?? '';
  }

  #link(name: string): string | undefined {
    return attempt(() => readlinkSync(this.#path(name)));
  }

  #list(name: string): string[] {
    return attempt(() => readdirSync(this.#path(name))) ?? [];
  }
}

class OpenFile implements RandomAccessFile {
  readonly identity: string;
  readonly size: number;
  readonly #fd: number;

  constructor(fd: number) {
    const status = fstatSync(fd);
    this.#fd = fd;
    this.size = status.size;
    this.identity = `${status.dev}:${status.ino}:${status.ctimeMs}`;
  }

  read(offset: number, length: number): Buffer {
    const buffer = Buffer.alloc(length);
    const read = attempt(() => readSync(this.#fd, buffer, 0, length, offset)) ?? 0;
    return buffer.subarray(0, read);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

/** Processes end while they are read, at any step and with any errno (ENOENT, ESRCH, EACCES, EINVAL): that is no error here. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
