// SPDX-License-Identifier: Apache-2.0
/** What process discovery reads from /proc, as an interface, so that tests run on a tree of files. */

/**
 * Reads single facts about processes (ids of the root pid namespace).
 * No method throws for a process that is gone, going or not readable: it returns `undefined` or nothing, as /proc would show a moment later.
 */
export interface ProcFs {
  /** All process ids (thread group leaders). */
  pids(): number[];
  stat(pid: number): ProcessStat | undefined;
  /** Processes that `pid`, any of its threads, has forked and that still run. */
  children(pid: number): number[];
  /** Path of the executable as the process sees it, without the mark of a deleted file. Undefined for kernel threads and zombies. */
  executable(pid: number): string | undefined;
  /** True where {@link executable} is undefined for want of rights: another user's process, or one with more rights, without CAP_SYS_PTRACE. Never of kernel threads. */
  isUnreadable(pid: number): boolean;
  /** Reads from the executable file itself, in whatever mount namespace and even when it was deleted. */
  openExecutable(pid: number): RandomAccessFile | undefined;
  /** Arguments, the program's own name first; empty for kernel threads. */
  commandLine(pid: number): string[];
  /** The environment that the program was started with. */
  environment(pid: number): ReadonlyMap<string, string>;
  /** Path in the unified (version 2) cgroup hierarchy, e.g. `/system.slice/a.service`. */
  cgroup(pid: number): string | undefined;
  /** Names (comm) of the threads. */
  threadNames(pid: number): string[];
  /** Paths of the mapped files, each once. */
  mappedFiles(pid: number): string[];
  /** Targets of the open file descriptors, e.g. `socket:[4026]`, `anon_inode:[eventpoll]`, `/var/log/x`. */
  openFiles(pid: number): string[];
  /** Identity of the network namespace, e.g. `net:[4026531840]`. */
  networkNamespace(pid: number): string | undefined;
  /** TCP sockets in state LISTEN in the network namespace of `pid`: inode → port. */
  listeningSockets(pid: number): ReadonlyMap<string, number>;
  /** Whether a file exists, by its path as the process sees it. */
  fileExists(pid: number, path: string): boolean;
}

export interface ProcessStat {
  readonly parentPid: number;
  /** One letter as in proc(5): R, S, D, Z, … */
  readonly state: string;
  /** Clock ticks between boot and the start of the process (field 22): tells two users of one pid apart. */
  readonly startTime: number;
}

/** A file opened for reading at any offset. */
export interface RandomAccessFile extends Disposable {
  /** Device, inode and change time: the same for every process that runs the same file. */
  readonly identity: string;
  readonly size: number;
  /** @returns up to `length` bytes; fewer at the end of the file or when reading fails. */
  read(offset: number, length: number): Buffer;
}
