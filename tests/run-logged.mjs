// SPDX-License-Identifier: Apache-2.0
// Runs a command with its output in .cache/test-<name>.log; says now and then that it is still running.
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import path from 'node:path';

/**
 * @param {string} name @param {string[]} command @param {Record<string, string>} [env]
 * @returns {Promise<{ code: number, output: string, tail: string, log: string }>} output: stdout and stderr together; tail: its end; log: path of the log, relative to the repository
 */
export function runLogged(name, [file = '', ...args], env = {}) {
  const log = path.join('.cache', `test-${name}.log`);
  const sink = createWriteStream(log);
  const begin = Date.now();
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NX_DAEMON: 'false', NX_NO_CLOUD: 'true', NX_TUI: 'false', FORCE_COLOR: '0', ...env },
  });
  // Whoever ends the test run ends what it runs.
  const forward = (/** @type {NodeJS.Signals} */ signal) => {
    child.kill(signal);
    process.exitCode = 130;
  };
  process.once('SIGINT', forward).once('SIGTERM', forward);
  const timer = setInterval(() => console.log(`   ${name}: running for ${Math.round((Date.now() - begin) / 1000)} s`), 30_000);
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
      process.off('SIGINT', forward).off('SIGTERM', forward);
      sink.end();
    };
    child.once('error', (error) => {
      done();
      reject(new Error(`${name}: cannot start ${file}: ${error.message}`));
    });
    child.once('close', (code) => {
      done();
      const lines = output.trimEnd().split('\n');
      resolve({ code: code ?? 1, output, tail: lines.slice(-20).join('\n'), log });
    });
  });
}
