#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// CPU of a chain of two services per request: alone, with obi, and with OpenTelemetry's own instrumentation, in one run. Needs root and obi built.
// usage: node bench/runtimes.mjs [--only node|python|go] [--chains REGEX] [--rounds N] [--requests N] [--warm-up N] [--concurrency 50] [--seconds 120]
//   [--plugins http] [--verbose]
// The variants take turns in every round, each time in fresh processes; a ratio is formed within a round, and its median over the rounds is printed.
// Without --rounds: no round of a runtime begins that would probably end after --seconds. --chains: those whose names match, also those that take too long for
// every day (CPython with uvloop, with uvicorn). --plugins: of obi, in place of http and the runtime's, to see what each costs.
// Exits with 1 when a request failed, obi joined less than all, or something could not be measured.
import os from 'node:os';
import { parseArgs } from 'node:util';
import { goChains, nodeChains, pythonChains } from './runtimes/chains.mjs';
import { measure } from './runtimes/measure.mjs';
import { formatChain, VARIANTS } from './runtimes/report.mjs';

/** @typedef {import('./runtimes/chains.mjs').Chain} Chain */
/** @typedef {import('./runtimes/report.mjs').Round} Round */

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    chains: { type: 'string' },
    plugins: { type: 'string' },
    rounds: { type: 'string' },
    requests: { type: 'string' },
    'warm-up': { type: 'string' },
    concurrency: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '120' },
    verbose: { type: 'boolean', default: false },
  },
});
/** Node.js, obi's own included, compiles what is hot in the first thousands. */
const WARM_UP = 6000;
const RUNTIMES = /** @type {const} */ ({
  node: { chains: nodeChains, requests: 3000 },
  python: { chains: pythonChains, requests: 3000 },
  go: { chains: goChains, requests: 5000 },
});

/** @param {string} what @param {import('./runtimes/measure.mjs').Sample} sample */
function progress(what, { services, obi, rate }) {
  const short = `${what}: ${services.toFixed(0)} µs`;
  if (values.verbose) console.error(`${short}, obi ${obi.toFixed(0)} µs, ${rate.toFixed(0)} requests/s, load average ${os.loadavg()[0]?.toFixed(1)}`);
  else if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${short}`);
}

/** @param {Chain} chain @param {Round[]} rounds @returns {string[]} what went wrong */
function faultsOf({ name, silent }, rounds) {
  const faults = [];
  for (const variant of VARIANTS) {
    const errors = rounds.flatMap((round) => round[variant].errors);
    if (errors.length > 0) faults.push(`${name}, ${variant}: ${errors.length} errors, the first: ${errors[0]}`);
  }
  const joined = rounds.reduce((sum, { obi }) => sum + obi.right, 0);
  const asked = rounds.reduce((sum, { obi }) => sum + obi.requests, 0);
  if (silent && joined > 0) faults.push(`${name}: ${joined} requests have a header that nobody should have written`);
  if (!silent && joined < asked) faults.push(`${name}: obi joined ${joined} of ${asked} requests`);
  return faults;
}

/** @param {keyof typeof RUNTIMES} runtime @returns {Promise<string[]>} what went wrong */
async function bench(runtime) {
  const { requests, chains: make } = RUNTIMES[runtime];
  const load = { requests: Number(values.requests ?? requests), warmUp: Number(values['warm-up'] ?? WARM_UP), concurrency: Number(values.concurrency) };
  const wanted = (/** @type {Chain} */ { name, extra }) => (values.chains === undefined ? !extra : new RegExp(values.chains).test(name));
  const results = (await make())
    .filter(wanted)
    .map((chain) => ({ chain: { ...chain, plugins: values.plugins ?? chain.plugins }, rounds: /** @type {Round[]} */ ([]) }));
  if (results.length === 0) return [`${runtime}: no chain is named like --chains`];
  const begin = performance.now();
  const seconds = () => (performance.now() - begin) / 1000;
  let round = 0;
  const goesOn = () => (values.rounds === undefined ? (seconds() * (round + 1)) / Math.max(round, 1) < Number(values.seconds) : round < Number(values.rounds));
  for (; round === 0 || goesOn(); round++) {
    for (const { chain, rounds } of results) {
      const samples = /** @type {Round} */ ({});
      // To and fro: a machine that gets slower or faster must not favour one. off and obi stay neighbours.
      for (const variant of round % 2 === 0 ? VARIANTS : VARIANTS.toReversed()) {
        samples[variant] = await measure(chain, variant, load, round + 1);
        progress(`round ${round + 1}: ${chain.name}, ${variant}`, samples[variant]);
      }
      rounds.push(samples);
    }
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  const rounds = `${round} ${round === 1 ? 'round' : 'rounds'} in ${seconds().toFixed(0)} s`;
  console.log(`\n${rounds}, each of ${load.requests} requests after ${load.warmUp}, ${load.concurrency} in flight`);
  for (const { chain, rounds } of results) console.log(`\n${formatChain(chain.name, rounds)}`);
  return results.flatMap(({ chain, rounds }) => faultsOf(chain, rounds));
}

console.log(`CPU of both services of a chain per request. Linux ${os.release()}, ${os.cpus().length} × ${os.cpus()[0]?.model}
client → front (awaits a timer of 0 to 5 ms) → next. Median (least – most) over the rounds; ÷ without: formed within each round; least: the ratio of the
least figures, as what disturbs a measurement mostly adds.`);
const busy = os.loadavg()[0] ?? 0;
if (busy > 0.5) console.log(`Other programs use this machine: its load average was ${busy.toFixed(1)} at the start.`);
/** @type {string[]} */ const faults = [];
for (const runtime of /** @type {const} */ (['node', 'python', 'go'])) {
  if (values.only && values.only !== runtime) continue;
  try {
    faults.push(...(await bench(runtime)));
  } catch (error) {
    faults.push(`${runtime}: not measured: ${error instanceof Error ? error.message : error}`);
  }
}
console.log(`
CPU is user and system time of all threads of the processes. Network processing that the kernel does in a process's time counts for that process, whoever it is
for: what ksoftirqd, the client and the receiver of the spans do is not counted. Spans go as OTLP http/protobuf to a receiver beside them, which counts them.
OpenTelemetry: traces alone, no metrics, no logs. Same trace: requests that reached next in the trace that the client had sent; none where no header can be
written (gRPC, on kernels that let nobody write into processes).`);
for (const fault of faults) console.error(`\n✗ ${fault}`);
process.exitCode = faults.length > 0 ? 1 : 0;
