// SPDX-License-Identifier: Apache-2.0
/** Processes that a runtime driver is tried on: started here, ended here. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { TracedProcess } from '@obi/core';

/** How to have a real process of the runtime. */
export interface RealProcess {
  /** Stays until it is ended, and writes to stdout when its own code runs. Its stdin is a pipe. */
  readonly command: readonly string[];
  /**
   * For a driver that changes something inside the process: asks the process whether any of that is there now (also what it would only leave behind on the way:
   * an open port, a stopped thread).
   */
  readonly isInside?: (child: ChildProcess) => Promise<boolean>;
}

/** A process that lives, as discovery would describe it. */
export class Subject implements Disposable {
  readonly child: ChildProcess;
  /** Its own code runs. */
  ready: Promise<unknown> = Promise.resolve();
  readonly #folder: string | undefined;

  private constructor(child: ChildProcess, folder?: string) {
    this.child = child;
    this.#folder = folder;
    child.stderr?.resume();
  }

  /** Just executed: nothing of its own code has run. */
  static starting({ command: [file = '', ...args] }: RealProcess): Subject {
    const subject = new Subject(spawn(file, args, { stdio: 'pipe' }));
    const { child } = subject;
    const ended = new Promise<never>((_, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => reject(new Error(`${file} ended (${signal ?? code}) before it wrote anything`)));
    });
    subject.ready = Promise.race([once(child.stdout as NodeJS.EventEmitter, 'data'), ended]);
    subject.ready.catch(() => {}); // whoever waits for it is told
    return subject;
  }

  static async real(real: RealProcess): Promise<Subject> {
    const subject = Subject.starting(real);
    try {
      await subject.ready;
    } catch (error) {
      subject[Symbol.dispose]();
      throw error;
    }
    return subject;
  }

  /** `sleep` under another name. */
  static async lookalike(name: string): Promise<Subject> {
    const folder = mkdtempSync(path.join(tmpdir(), 'obi-lookalike-'));
    const exe = path.join(folder, name);
    copyFileSync('/bin/sleep', exe);
    const child = spawn(exe, ['60'], { stdio: 'ignore' });
    await once(child, 'spawn');
    return new Subject(child, folder);
  }

  traced(runtime: string | undefined): TracedProcess {
    const pid = this.child.pid as number;
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const exe = readlinkSync(`/proc/${pid}/exe`);
    return {
      ...tracedProcess(pid, exe, runtime),
      // The name before it, in parentheses, may hold anything.
      startTime: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]),
      cmdline: readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1),
    };
  }

  get isStopped(): boolean {
    return /^State:\s+T/m.test(readFileSync(`/proc/${this.child.pid}/status`, 'utf8'));
  }

  async stop(): Promise<void> {
    this.child.kill('SIGSTOP');
    await until('the process is stopped', () => this.isStopped, 5_000);
  }

  async end(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }

  /** @throws when it has ended. */
  unharmed(): void {
    const { exitCode, signalCode } = this.child;
    if (exitCode !== null || signalCode !== null) throw new Error(`the process has ended (${signalCode ?? exitCode})`);
  }

  [Symbol.dispose](): void {
    this.child.kill('SIGKILL');
    if (this.#folder) rmSync(this.#folder, { recursive: true, force: true });
  }
}

export function tracedProcess(pid: number, exe: string, runtime: string | undefined): TracedProcess {
  return {
    pid,
    startTime: 0,
    exe,
    cmdline: [exe],
    executionModel: 'multiplexed',
    fionreadSafe: false,
    resource: { id: 0, attributes: { 'service.name': path.basename(exe), ...(runtime === undefined ? {} : { 'process.runtime.name': runtime }) } },
  };
}

/** @throws when it does not hold in time */
export async function until(what: string, condition: () => boolean | Promise<boolean>, limit: number): Promise<void> {
  for (const end = Date.now() + limit; !(await condition()); await delay(20)) if (Date.now() > end) throw new Error(`not within ${limit} ms: ${what}`);
}
