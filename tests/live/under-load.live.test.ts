// SPDX-License-Identifier: Apache-2.0
// obi that starts in the middle of a load over kept connections: what begins after it is ready is traced rightly, and nothing goes wrong for the services.
import { setTimeout as delay } from 'node:timers/promises';
import { type Tree, verifyTree } from '../harness/load.mjs';
import { Obi } from '../harness/obi.mjs';
import { patience } from '../harness/proc.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import type { Service } from '../harness/services.mjs';
import { crossedTraces, spansOf, verifyAll } from '../harness/traces.mjs';
import { lacking, portsOf, startChain, testUnless } from './support/chain.js';
import { ACCOUNTING, finish } from './support/counters.js';
import { SteadyLoad } from './support/steady-load.mjs';

const LANGUAGES = ['python', 'ruby', 'node'] as const;
/** What was under way at the ready line has ended by then. */
const SETTLED_MS = 100 * patience;
const LOAD_MS = 2_500 * patience;

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-middle' });
});
afterEach(() => sandbox.dispose());

for (const { concurrency, rounds } of [
  { concurrency: 1, rounds: 1 },
  { concurrency: 12, rounds: 2 },
])
  testUnless(lacking(LANGUAGES))(`${concurrency} requests in flight, obi started ${rounds} times in the middle`, async () => {
    const services = await startChain(sandbox, LANGUAGES, { DELAY_MS: '2', THREADS: '64', KEEPALIVE: '1' });
    const load = await SteadyLoad.start(sandbox, (services[0] as Service).url, concurrency);
    const lives: { from: number; to: number; obi: Obi }[] = [];
    for (let round = 0; round < rounds; round++) {
      await delay(300);
      const obi = await Obi.start(sandbox, { ports: portsOf(services), env: ACCOUNTING });
      const from = Date.now() + SETTLED_MS;
      await delay(SETTLED_MS + LOAD_MS);
      lives.push({ from, to: Date.now(), obi });
      // The last one sees the load's end: each of its requests is whole.
      if (round < rounds - 1) await obi.stop();
    }
    const answered = await load.stop();
    const last = lives.at(-1) as (typeof lives)[number];

    expect(answered.flatMap(({ error }) => error ?? [])).toEqual([]);
    const trees = answered.map(({ tree }) => tree as Tree);
    const late = answered.filter(({ began }) => began >= last.from).map(({ tree }) => tree as Tree);
    expect(late.length).toBeGreaterThan(20);
    expect(crossedTraces(trees)).toEqual([]);
    expect(trees.filter((tree) => [tree, ...tree.downstream].some(({ traceparents }) => traceparents > 1))).toEqual([]);
    await last.obi.waitForSpans(late.reduce((sum, tree) => sum + spansOf(tree), 0));
    const account = await finish(last.obi);
    const wrong = verifyAll(late, account.spans, verifyTree).filter((verdict) => verdict.wrong.length > 0);
    expect(wrong.map(({ tree, wrong }) => [tree.request, ...wrong])).toEqual([]);
    expect(account).toMatchObject({ code: 0, lost: [] });
    // Of those before, too, as long as that obi ran.
    for (const { from, to, obi } of lives.slice(0, -1)) {
      // The services must have had time to answer before it stopped.
      const then = answered.filter(({ began }) => began >= from && began < to - 1_000 * patience).map(({ tree }) => tree as Tree);
      expect(then.length).toBeGreaterThan(20);
      expect(verifyAll(then, obi.spans, verifyTree).flatMap((verdict) => verdict.wrong)).toEqual([]);
    }
  });
