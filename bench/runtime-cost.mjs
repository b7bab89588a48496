// SPDX-License-Identifier: Apache-2.0
// CPU of a middle of the parents measurement per request, without obi, with probe-http, and with a runtime probe too: paired runs, interleaved. As root:
//   node bench/runtime-cost.mjs --probe python [--rounds 5] [--requests 3000] [--env LOOP=uvloop] -- PYTHON tests/workloads/parents/python/aio.py
//   node bench/runtime-cost.mjs --probe go -- PROGRAM      what tests/workloads/parents/go builds
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Obi } from '../tests/harness/obi.mjs';
import { askIn, startLeaves, startMiddle } from '../tests/harness/parents.mjs';
import { Sandbox } from '../tests/harness/sandbox.mjs';
import { cpuBetween, cpuOf } from './runtimes/cpu.mjs';
import { median } from './runtimes/report.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    probe: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    requests: { type: 'string', default: '3000' },
    env: { type: 'string', multiple: true, default: [] },
  },
});
if (values.probe === undefined || positionals.length === 0) {
  console.error('usage: node bench/runtime-cost.mjs --probe ID [--rounds N] [--requests N] [--env K=V …] -- COMMAND …');
  process.exit(2);
}
const probe = fileURLToPath(new URL(`../packages/probe-${values.probe}`, import.meta.url));
/** What obi is started with; undefined: not at all. @type {Record<string, string | undefined>} */
const SETTINGS = { off: undefined, http: 'http', [`http,${values.probe}`]: `http,${probe}` };
const env = Object.fromEntries(values.env.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
const requests = Number(values.requests);

/** @param {string | undefined} plugins @returns {Promise<number>} µs per request */
async function once(plugins) {
  const sandbox = await Sandbox.create({ netns: true, name: 'obi-cost' });
  try {
    const middle = await startMiddle(sandbox, 'middle', positionals, await startLeaves(sandbox), { KEEPALIVE: '1', ...env });
    const obi = plugins === undefined ? undefined : await Obi.start(sandbox, { plugins, ports: [middle.port] });
    const questions = { concurrency: 50, maxWait: 5 };
    await askIn(sandbox, middle.url, { ...questions, requests: 300, seed: 2 });
    const before = cpuOf([middle.proc.pid]);
    const { errors } = await askIn(sandbox, middle.url, { ...questions, requests });
    const used = cpuBetween(before, cpuOf([middle.proc.pid]));
    if (errors.length > 0) throw new Error(errors[0]);
    await obi?.stop();
    return used / requests;
  } finally {
    await sandbox.dispose();
  }
}

/** @type {Record<string, number[]>} */ const results = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, []]));
for (let round = 0; round < Number(values.rounds); round++) for (const [name, plugins] of Object.entries(SETTINGS)) results[name]?.push(await once(plugins));
const base = median(results.off ?? []);
for (const [name, list] of Object.entries(results))
  console.log(
    `${name.padEnd(12)} ${median(list).toFixed(0).padStart(6)} µs of CPU per request, ${(median(list) / base).toFixed(3)} of off   (${list.map((one) => one.toFixed(0)).join(', ')})`,
  );
