// SPDX-License-Identifier: Apache-2.0
// The demo: real services, real requests, obi beside them; whole traces in the terminal. Started by `npm run demo`.
// usage: node demo/run.mjs [--keep]   exit code: 0 all traces whole, 1 not (or it cannot run here)
import { parseArgs } from 'node:util';
import { loadIn, verifyTree } from '../tests/harness/load.mjs';
import { Obi } from '../tests/harness/obi.mjs';
import { Sandbox } from '../tests/harness/sandbox.mjs';
import { buildWorkloads } from '../tests/harness/services.mjs';
import { spansOf, verifyAll } from '../tests/harness/traces.mjs';
import { startShop } from './shop.mjs';
import { watch } from './watch.mjs';
import { loadWaterfall } from './waterfall.mjs';

const { values } = parseArgs({ options: { keep: { type: 'boolean', default: false } } });
const say = (/** @type {string} */ text = '') => console.log(text);

const PLUGINS = 'http,node,python';
const SEQUENTIAL = 5;
const PARALLEL = 40;
const IN_FLIGHT = 10;

/** @type {Sandbox | undefined} */ let sandbox;
/** @type {() => void} */ let endWatching = () => {};
/** @type {() => void} */ let abort = () => {};
const aborted = new Promise((/** @type {(value: 'aborted') => void} */ resolve) => {
  abort = () => resolve('aborted');
});
/** While everything is kept running, Ctrl-C is the normal end. */
let keeping = false;
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) process.on(signal, () => (keeping ? endWatching() : abort()));

try {
  if (process.getuid?.() !== 0) throw new Error('the demo loads eBPF programs: run it as root (sudo npm run demo)');
  const outcome = await Promise.race([demo(), aborted]);
  if (outcome === 'aborted') process.exitCode = 130;
} catch (error) {
  console.error(`demo: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
} finally {
  await sandbox?.dispose();
}

async function demo() {
  const draw = await loadWaterfall();
  sandbox = await Sandbox.create({ netns: true, name: 'obi-demo' });
  say('Services, in a cgroup and a network namespace of their own:');
  buildWorkloads();
  const { gateway, services, proxies } = await startShop(sandbox, say);

  say(`\nobi --plugins ${PLUGINS}, with context propagation:`);
  const obi = await Obi.start(sandbox, { plugins: PLUGINS, ports: services.map((service) => service.port) });
  say(`  tracing ${services.length} services from outside; nothing in them was changed or restarted`);

  say(`\nRequests: ${SEQUENTIAL} one after the other, then ${PARALLEL} with ${IN_FLIGHT} in flight`);
  const first = await loadIn(sandbox, { url: gateway.url, requests: SEQUENTIAL, prefix: 'one' });
  const second = await loadIn(sandbox, { url: gateway.url, requests: PARALLEL, concurrency: IN_FLIGHT, prefix: 'many' });
  const errors = [...first.errors, ...second.errors];
  const trees = [...first.trees, ...second.trees];
  const expected = trees.reduce((sum, tree) => sum + spansOf(tree, proxies), 0);
  const spans = await obi.waitForSpans(expected, 10);
  if (!obi.proc.running) throw new Error(`obi ended by itself\n${obi.proc.tail()}`);

  const checked = verifyAll(trees, spans, verifyTree, proxies);
  const broken = checked.filter((trace) => trace.wrong.length > 0);
  const whole = checked.length - broken.length;
  // One quiet trace and one of the crowd, or, if something is wrong, what is wrong.
  const shown = broken.length ? broken.slice(0, 3) : [checked[0], checked.at(-1)].filter((trace) => trace !== undefined);
  for (const trace of shown) say(`\n${draw(trace.spans)}`);
  for (const trace of broken.slice(0, 10)) say(`\n✗ request ${trace.tree.request}: ${trace.wrong.join('; ')}`);
  for (const error of errors.slice(0, 5)) say(`\n✗ ${error}`);

  const requests = SEQUENTIAL + PARALLEL;
  say(`\n${requests} requests, ${whole} whole traces (${spans.length} spans; ids compared with what the services received)`);
  if (whole !== requests) process.exitCode = 1;
  if (values.keep) {
    keeping = true;
    say(`\nStill running. In another terminal:\n  nsenter --net=${sandbox.netnsPath} curl -s ${gateway.url}/anything\nCtrl-C ends it.`);
    await watch(obi, draw, say, new Promise((resolve) => (endWatching = () => resolve(undefined))));
  }
  const { code, signal } = await obi.stop();
  if (code !== 0) throw new Error(`obi did not end clean: ${signal ?? `exit code ${code}`}\n${obi.proc.tail()}`);
}
