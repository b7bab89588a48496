// SPDX-License-Identifier: Apache-2.0
// Runs a command with its output in .cache/test-<name>.log; says now and then that it is still running, and ends it when it takes too long.
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import path from 'node:path';

const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
/** Seconds. The slowest (all live tests, a cold build of the Collector) take minutes; OBI_NODE_REQUESTS=10000 and the like take hours, and set it. */
const LIMIT = Number(process.env.OBI_TEST_LIMIT ?? 3600);
/** What a timer of Node.js can wait, ms. */
const LONGEST = 2 ** 31 - 1;
/** What does not end at SIGTERM is killed after so many seconds; then nobody waits any longer for what holds its output open. */
const GRACE = 15;

/**
 * @typedef {{ code: number, end: string, output: string, tail: string, log: string }} Logged
 *   end: how it ended, in words; output: stdout and stderr together; tail: its end; log: path of the log, relative to the repository
 */

/**
 * @param {string} name @param {string[]} command @param {Record<string, string>} [env] @param {number} [limit] seconds, for what has a limit of its own
 * @returns {Promise<Logged>} code 124: the limit ended it
 */
export function runLogged(name, [file = '', ...args], env = {}, limit = LIMIT) {
  if (!(limit > 0)) throw new Error(`${name}: OBI_TEST_LIMIT is a number of seconds, not ${process.env.OBI_TEST_LIMIT}`);
  const log = path.join('.cache', `test-${name}.log`);
  const sink = createWriteStream(log);
  const begin = Date.now();
  // A group of its own, so that what it started ends with it.
  const child = spawn(file, args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NX_DAEMON: 'false', NX_NO_CLOUD: 'true', NX_TUI: 'false', FORCE_COLOR: '0', ...env },
  });
  const kill = (/** @type {NodeJS.Signals} */ signal) => {
    try {
      if (child.pid) process.kill(-child.pid, signal);
    } catch {
      // all of it has ended
    }
  };
  // Whoever ends the test run ends what it runs.
  const forward = (/** @type {NodeJS.Signals} */ signal) => {
    kill(signal);
    process.exitCode = 130;
  };
  for (const signal of SIGNALS) process.once(signal, forward);
  const timer = setInterval(() => console.log(`   ${name}: running for ${Math.round((Date.now() - begin) / 1000)} s`), 30_000);
  const tooLong = `was ended after ${limit} s: it hangs, or this machine needs more (seconds in OBI_TEST_LIMIT; OBI_VM_LIMIT for virtual machines)`;
  let timedOut = false;
  /** @type {NodeJS.Timeout[]} */
  const ends = [
    setTimeout(
      () => {
        timedOut = true;
        console.log(`   ${name} ${tooLong}`);
        kill('SIGTERM');
        ends.push(
          setTimeout(() => {
            kill('SIGKILL');
            child.stdout.destroy();
            child.stderr.destroy();
          }, GRACE * 1000),
        );
      },
      Math.min(limit * 1000, LONGEST),
    ),
  ];
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (chunk) => {
      output += chunk;
      sink.write(chunk);
    });
  }
  return new Promise((resolve, reject) => {
    const done = () => {
      clearInterval(timer);
      for (const end of ends) clearTimeout(end);
      for (const signal of SIGNALS) process.off(signal, forward);
      sink.end();
    };
    child.once('error', (error) => {
      done();
      reject(new Error(`${name}: cannot start ${file}: ${error.message}`));
    });
    child.once('close', (status, signal) => {
      done();
      const code = timedOut ? 124 : (status ?? 1);
      const lines = output.trimEnd().split('\n');
      resolve({ code, end: timedOut ? tooLong : (signal ?? `exit code ${code}`), output, tail: lines.slice(-20).join('\n'), log });
    });
  });
}
