// SPDX-License-Identifier: Apache-2.0
// Child processes of tests: output collected, readiness awaited by a line, always ended by pid.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

/** Everything takes longer in an emulated machine. */
export const patience = process.env.OBI_VM ? 8 : 1;

/** @typedef {{ stream: 'stdout' | 'stderr', text: string }} Line */

/** Looks at a condition again after so many milliseconds. */
const PAUSE_MS = 20;

/** One child process. Make it with {@link Proc.start}; nothing here waits without a limit. */
export class Proc {
  /** @type {Line[]} */ lines = [];
  /** @type {((line: Line) => void)[]} */ #listeners = [];
  /** @type {Promise<{ code: number | null, signal: NodeJS.Signals | null }>} */ exited;

  /** @param {string} name @param {import('node:child_process').ChildProcess} child */
  constructor(name, child) {
    this.name = name;
    this.child = child;
    for (const stream of /** @type {const} */ (['stdout', 'stderr'])) this.#collect(stream);
    this.exited = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
  }

  /**
   * Starts a command. `pdeathsig`: it is killed when this process dies in whatever way.
   * @param {string} name shown in errors @param {string[]} command
   * @param {{ env?: Record<string, string | undefined>, cwd?: string, stdin?: 'ignore' | 'pipe' }} [options]
   * @returns {Promise<Proc>} once it was spawned
   */
  static async start(name, command, { env, cwd, stdin = 'ignore' } = {}) {
    const [file = '', ...args] = ['setpriv', '--pdeathsig', 'KILL', '--', ...command];
    const child = spawn(file, args, { cwd, stdio: [stdin, 'pipe', 'pipe'], env: { ...process.env, ...env } });
    const proc = new Proc(name, child);
    await once(child, 'spawn');
    return proc;
  }

  get pid() {
    return /** @type {number} */ (this.child.pid);
  }

  get running() {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** @param {'stdout' | 'stderr'} stream */
  #collect(stream) {
    let rest = '';
    const source = /** @type {import('node:stream').Readable} */ (this.child[stream]);
    source.setEncoding('utf8');
    const emit = (/** @type {string} */ text) => {
      const line = { stream, text };
      this.lines.push(line);
      for (const listener of [...this.#listeners]) listener(line);
    };
    source.on('data', (chunk) => {
      const parts = (rest + chunk).split('\n');
      rest = /** @type {string} */ (parts.pop());
      for (const part of parts) emit(part);
    });
    source.on('end', () => rest && emit(rest));
  }

  /** Calls back for each further line. @param {(line: Line) => void} listener @returns {() => void} ends it */
  onLine(listener) {
    this.#listeners.push(listener);
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener);
    };
  }

  /** The last lines it wrote, for error messages. */
  tail(count = 15) {
    return this.lines
      .slice(-count)
      .map((line) => `  ${this.name}: ${line.text}`)
      .join('\n');
  }

  /**
   * Waits for a line, past or future. @param {RegExp} pattern @param {number} [seconds]
   * @returns {Promise<RegExpMatchArray>} @throws when the process ends or the time is over first
   */
  line(pattern, seconds = 30) {
    for (const { text } of this.lines) {
      const match = text.match(pattern);
      if (match) return Promise.resolve(match);
    }
    return new Promise((resolve, reject) => {
      const fail = (/** @type {string} */ why) => {
        done();
        reject(new Error(`${this.name}: ${why} before it wrote ${pattern}\n${this.tail()}`));
      };
      const timer = setTimeout(() => fail(`${seconds * patience} s passed`), seconds * patience * 1000);
      const stopListening = this.onLine(({ text }) => {
        const match = text.match(pattern);
        if (!match) return;
        done();
        resolve(match);
      });
      const done = () => {
        clearTimeout(timer);
        stopListening();
      };
      this.exited.then(({ code, signal }) => fail(`ended (${signal ?? `exit code ${code}`})`));
    });
  }

  /**
   * Waits until something holds that no line tells. @param {string | (() => string)} what for the error @param {() => boolean | Promise<boolean>} condition @param {number} [seconds]
   * @throws when the process ends or the time is over first
   */
  async until(what, condition, seconds = 30) {
    for (const end = Date.now() + seconds * patience * 1000; ; await delay(PAUSE_MS)) {
      const { running } = this; // before the look: what it did last counts
      if (await condition()) return;
      const why = running ? Date.now() > end && `${seconds * patience} s passed` : `ended (${this.child.signalCode ?? `exit code ${this.child.exitCode}`})`;
      if (why) throw new Error(`${this.name}: ${why} before ${typeof what === 'string' ? what : what()}\n${this.tail()}`);
    }
  }

  /**
   * Sends a signal and waits for the end; SIGKILL follows when it takes too long.
   * @param {NodeJS.Signals} [signal] @param {number} [seconds]
   */
  async stop(signal = 'SIGTERM', seconds = 10) {
    if (!this.running) return this.exited;
    this.child.kill(signal);
    const timer = setTimeout(
      () => {
        this.child.kill('SIGKILL');
        // A child of it may hold its output open: that must not keep us waiting.
        this.child.stdout?.destroy();
        this.child.stderr?.destroy();
      },
      seconds * patience * 1000,
    );
    const result = await this.exited;
    clearTimeout(timer);
    return result;
  }
}
