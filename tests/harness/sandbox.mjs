// SPDX-License-Identifier: Apache-2.0
// A cgroup and, if wanted, a network namespace of a test's own; everything in them ends with the test.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Proc } from './proc.mjs';

/** Where cgroup2 is mounted. @returns {string | undefined} */
export function cgroup2Mount() {
  for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n')) {
    const [, folder, type] = line.split(' ');
    if (type === 'cgroup2' && folder) return folder;
  }
  return undefined;
}

let count = 0;

/**
 * `await using sandbox = await Sandbox.create()`, or dispose() in afterAll. Processes started by {@link Sandbox.start} and
 * {@link Sandbox.startOutside} die with this process however it ends; the empty cgroup folder is all that a SIGKILL can leave,
 * and the next create() removes such folders of dead processes.
 */
export class Sandbox {
  /** @type {Proc[]} */ #processes = [];
  /** @type {Proc | undefined} */ #holder;
  #onExit = () => this.#killAll();

  /** @param {string} cgroup */
  constructor(cgroup) {
    /** Path of the sandbox's own cgroup (v2), without a slash at the end. */
    this.cgroup = cgroup;
  }

  /**
   * @param {{ netns?: boolean, name?: string }} [options] netns: an own network namespace, with only `lo`, up; not made in the
   * virtual machine, whose network is its own anyway. @returns {Promise<Sandbox>}
   * @throws when not root or without cgroup2
   */
  static async create({ netns = false, name = 'obi-test' } = {}) {
    const mount = cgroup2Mount();
    if (!mount) throw new Error('sandbox: cgroup2 is not mounted');
    removeStale(mount, name);
    const sandbox = new Sandbox(path.join(mount, `${name}-${process.pid}${count++ ? `-${count}` : ''}`));
    mkdirSync(sandbox.cgroup);
    process.on('exit', sandbox.#onExit);
    try {
      if (netns && !process.env.OBI_VM) {
        // A process that lives as long as its stdin holds the namespace: nothing is mounted, so nothing can stay behind.
        const script = 'ip link set lo up && echo ready && exec cat';
        sandbox.#holder = await Proc.start('netns', ['unshare', '--net', '--', 'sh', '-c', script], { stdin: 'pipe' });
        await sandbox.#holder.line(/^ready$/);
      }
      return sandbox;
    } catch (error) {
      await sandbox.dispose();
      throw error;
    }
  }

  /** Whether it has a network namespace of its own; else addresses are this process's. */
  get netns() {
    return this.#holder !== undefined;
  }

  /** The namespace's file, for nsenter(1). */
  get netnsPath() {
    return `/proc/${this.#holder?.pid ?? 'self'}/ns/net`;
  }

  /** Puts a command line inside the network namespace, if there is one. @param {string[]} command */
  #inNetns(command) {
    return this.#holder ? ['nsenter', `--net=${this.netnsPath}`, '--', ...command] : command;
  }

  /**
   * Starts a process in the cgroup and the namespace.
   * @param {string} name @param {string[]} command @param {Parameters<typeof Proc.start>[2]} [options]
   */
  start(name, command, options) {
    // The shell moves itself before it becomes the program: no moment of the program is outside the cgroup.
    const enter = ['sh', '-c', 'echo $$ > "$0/cgroup.procs" && exec "$@"', this.cgroup];
    return this.#start(name, [...enter, ...this.#inNetns(command)], options);
  }

  /**
   * Starts a process in the namespace, but not in the cgroup: obi itself, load clients, collectors.
   * @param {string} name @param {string[]} command @param {Parameters<typeof Proc.start>[2]} [options]
   */
  startOutside(name, command, options) {
    return this.#start(name, this.#inNetns(command), options);
  }

  /** @param {string} name @param {string[]} command @param {Parameters<typeof Proc.start>[2]} [options] */
  async #start(name, command, options) {
    const proc = await Proc.start(name, command, options);
    this.#processes.push(proc);
    return proc;
  }

  /**
   * Runs a command in the namespace (not the cgroup) to its end. @param {string} name @param {string[]} command @param {Parameters<typeof Proc.start>[2]} [options]
   * @returns {Promise<string>} its stdout @throws when it fails
   */
  async run(name, command, options) {
    const proc = await this.startOutside(name, command, options);
    const { code, signal } = await proc.exited;
    if (code !== 0) throw new Error(`${name}: ${signal ?? `exit code ${code}`}\n${proc.tail()}`);
    return proc.lines
      .filter((line) => line.stream === 'stdout')
      .map((line) => line.text)
      .join('\n');
  }

  #killAll() {
    for (const proc of this.#processes) if (proc.running) proc.child.kill('SIGKILL');
    killMembers(this.cgroup);
    this.#holder?.child.kill('SIGKILL');
  }

  /** Ends all processes, newest first, and removes the cgroup. */
  async dispose() {
    for (const proc of this.#processes.reverse()) await proc.stop();
    this.#processes = [];
    await this.#holder?.stop('SIGKILL');
    process.off('exit', this.#onExit);
    if (!existsSync(this.cgroup)) return;
    killMembers(this.cgroup);
    // A killed process leaves its cgroup a moment later; the kernel has no event to wait for in every version.
    for (let attempt = 0; ; attempt++) {
      try {
        removeTree(this.cgroup);
        return;
      } catch (error) {
        if (attempt === 200) throw error;
        await delay(10);
        killMembers(this.cgroup);
      }
    }
  }

  [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]() {
    return this.dispose();
  }
}

/** Kills what a service left in our own cgroup (workers of nginx, for example), by pid. @param {string} cgroup */
function killMembers(cgroup) {
  if (!existsSync(cgroup)) return;
  for (const pid of readFileSync(path.join(cgroup, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {} // gone already
  }
}

/** @param {string} folder */
function removeTree(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) if (entry.isDirectory()) removeTree(path.join(folder, entry.name));
  rmdirSync(folder);
}

/** Removes cgroups of test processes that were killed before they could. @param {string} mount @param {string} name */
function removeStale(mount, name) {
  for (const entry of readdirSync(mount)) {
    const match = entry.startsWith(`${name}-`) && entry.slice(name.length + 1).match(/^(\d+)(-\d+)?$/);
    if (!match || existsSync(`/proc/${match[1]}`)) continue;
    killMembers(path.join(mount, entry));
    try {
      removeTree(path.join(mount, entry));
    } catch {} // still being emptied; the next run gets it
  }
}
