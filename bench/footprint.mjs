// SPDX-License-Identifier: Apache-2.0
// Memory and start-up time of obi that traces nothing yet, beside those of a Node that does nothing, in the same run: as installed from the packed packages
// and as run in this checkout. usage: sudo node bench/footprint.mjs [RUNS]   (default 5; medians are printed)
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { obiMain } from '../tests/harness/obi.mjs';
import { Sandbox } from '../tests/harness/sandbox.mjs';
import { installPacked } from '../tools/release/install.mjs';

const RUNS = Number(process.argv[2] ?? 5);
/** Memory of the start is given back 2 s after it (packages/cli/src/start-up-garbage.ts). */
const IDLE_MS = 4000;

/** @typedef {{ readyMs: number, rss: number, anonymous: number }} Sample rss and anonymous (of this process alone) in MB */

/**
 * Runs a command until it is idle. @param {string[]} args of node @param {RegExp} ready the line that says that it is started
 * @param {Record<string, string>} env @returns {Promise<Sample>}
 */
async function sample(args, ready, env) {
  const begin = performance.now();
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const readyMs = await new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
        if (ready.test(output)) resolve(performance.now() - begin);
      });
    }
    child.once('exit', () => reject(new Error(`ended before it was ready:\n${output}`)));
  });
  await delay(IDLE_MS);
  const memory = readFileSync(`/proc/${child.pid}/smaps_rollup`, 'utf8');
  const mb = (/** @type {string} */ key) => Number(memory.match(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm'))?.[1]) / 1024;
  const result = { readyMs, rss: mb('Rss'), anonymous: mb('Anonymous') };
  child.removeAllListeners('exit');
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
  return result;
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'obi-footprint-'));
const sandbox = await Sandbox.create({ name: 'obi-footprint' });
try {
  const { app } = installPacked(folder);
  // No process listens there, so none is selected: what is measured is obi itself.
  const env = { OTEL_EBPF_OPEN_PORT: '1', OTEL_EBPF_BPF_CGROUP_PATH: sandbox.cgroup, XDG_CACHE_HOME: path.join(folder, 'cache') };
  const subjects = /** @type {const} */ ([
    ['bare node', ['-e', 'console.log("ready"); setInterval(() => {}, 1e6)'], env],
    ['obi, installed', [path.join(app, 'node_modules/@obi/cli/bin/obi.mjs'), '--plugins', 'http'], env],
    [
      'obi, installed, OTLP',
      [path.join(app, 'node_modules/@obi/cli/bin/obi.mjs'), '--plugins', 'http'],
      { ...env, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' },
    ],
    ['obi, this checkout', [obiMain, '--plugins', 'http'], env],
  ]);
  /** @type {Map<string, Sample[]>} */ const samples = new Map(subjects.map(([name]) => [name, []]));
  // Interleaved: what else runs on this machine hits all alike. The first round fills the compile cache and does not count.
  for (let run = 0; run <= RUNS; run++) {
    for (const [name, args, variables] of subjects) {
      const one = await sample([...args], /\bready\b/, variables);
      if (run > 0) samples.get(name)?.push(one);
    }
  }
  const median = (/** @type {string} */ name, /** @type {keyof Sample} */ key) =>
    /** @type {number} */ ((samples.get(name) ?? []).map((one) => one[key]).sort((a, b) => a - b)[Math.floor((RUNS - 1) / 2)]);
  console.log(`Linux ${os.release()}, Node ${process.version}, median of ${RUNS} interleaved runs\n`);
  console.log(`${''.padEnd(22)}${'RSS MB'.padStart(8)}${'÷ node'.padStart(8)}${'own MB'.padStart(8)}${'ready ms'.padStart(10)}`);
  for (const [name] of subjects) {
    const [rss, anonymous, readyMs] = [median(name, 'rss'), median(name, 'anonymous'), median(name, 'readyMs')];
    console.log(
      `${name.padEnd(22)}${rss.toFixed(1).padStart(8)}${(rss / median('bare node', 'rss')).toFixed(2).padStart(8)}${anonymous.toFixed(1).padStart(8)}${readyMs.toFixed(0).padStart(10)}`,
    );
  }
  console.log('\nown: memory of this process alone, without what it shares with others (above all the pages of the node program).');
} finally {
  await sandbox.dispose();
  rmSync(folder, { recursive: true, force: true });
}
