// SPDX-License-Identifier: Apache-2.0
// CPU of a Python service per request, without obi, with probe-http, and with this probe too: paired runs, interleaved. As root:
//   node packages/probe-python/bench/cost.mjs [--rounds 5] [--requests 3000] [--env LOOP=uvloop] -- PYTHON tests/workloads/parents/python/aio.py
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Obi } from '../../../tests/harness/obi.mjs';
import { askIn, startLeaves, startMiddle } from '../../../tests/harness/parents.mjs';
import { Sandbox } from '../../../tests/harness/sandbox.mjs';

const TICKS_PER_SECOND = 100;
const probe = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
/** What obi is started with; undefined: not at all. @type {Record<string, string | undefined>} */
const SETTINGS = { off: undefined, http: 'http', 'http,python': `http,${probe}` };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' }, requests: { type: 'string', default: '3000' }, env: { type: 'string', multiple: true, default: [] } },
});
const env = Object.fromEntries(values.env.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
const requests = Number(values.requests);

/** User and system time, in ticks. @param {number} pid */
function ticks(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

/** @param {string | undefined} plugins @returns {Promise<number>} µs per request */
async function once(plugins) {
  const sandbox = await Sandbox.create({ netns: true, name: 'obi-cost' });
  try {
    const middle = await startMiddle(sandbox, 'middle', positionals, await startLeaves(sandbox), { KEEPALIVE: '1', ...env });
    const obi = plugins === undefined ? undefined : await Obi.start(sandbox, { plugins, ports: [middle.port] });
    const questions = { concurrency: 50, maxWait: 5 };
    await askIn(sandbox, middle.url, { ...questions, requests: 300, seed: 2 });
    const before = ticks(middle.proc.pid);
    const { errors } = await askIn(sandbox, middle.url, { ...questions, requests });
    const used = ticks(middle.proc.pid) - before;
    if (errors.length > 0) throw new Error(errors[0]);
    await obi?.stop();
    return (used / TICKS_PER_SECOND / requests) * 1e6;
  } finally {
    await sandbox.dispose();
  }
}

/** @type {Record<string, number[]>} */ const results = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, []]));
for (let round = 0; round < Number(values.rounds); round++) for (const [name, plugins] of Object.entries(SETTINGS)) results[name]?.push(await once(plugins));
const median = (/** @type {number[]} */ list) => [...list].sort((a, b) => a - b)[list.length >> 1] ?? Number.NaN;
const base = median(results.off ?? []);
for (const [name, list] of Object.entries(results))
  console.log(
    `${name.padEnd(12)} ${median(list).toFixed(0).padStart(6)} µs of CPU per request, ${(median(list) / base).toFixed(3)} of off   (${list.map((one) => one.toFixed(0)).join(', ')})`,
  );
