// SPDX-License-Identifier: Apache-2.0
// obi that starts in the middle of a load over kept connections: what begins after it is ready is traced rightly, and nothing goes wrong for the services.
import { type Tree, verifyTree } from '../harness/load.mjs';
import { Obi, type PrintedSpan } from '../harness/obi.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import type { Service } from '../harness/services.mjs';
import { crossedTraces, spansOf, verifyAll } from '../harness/traces.mjs';
import { lacking, portsOf, startChain, testUnless } from './support/chain.js';
import { ACCOUNTING, finish } from './support/counters.js';
import { SteadyLoad } from './support/steady-load.mjs';

const LANGUAGES = ['python', 'ruby', 'node'] as const;
let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-middle' });
});
afterEach(() => sandbox.dispose());

const wrongIn = (trees: Tree[], { spans }: { spans: PrintedSpan[] }) =>
  verifyAll(trees, spans, verifyTree).flatMap(({ tree, wrong }) => (wrong.length > 0 ? [[tree.request, ...wrong]] : []));

/** judged: so many requests at least, of each obi's life, that began when all that was under way at its ready line had been answered. */
for (const { concurrency, rounds, judged } of [
  { concurrency: 1, rounds: 1, judged: 50 },
  { concurrency: 12, rounds: 2, judged: process.env.OBI_VM ? 100 : 300 },
])
  testUnless(lacking(LANGUAGES))(`${concurrency} requests in flight, obi started ${rounds} times in the middle`, async () => {
    const services = await startChain(sandbox, LANGUAGES, { DELAY_MS: '2', THREADS: '64', KEEPALIVE: '1' });
    const load = await SteadyLoad.start(sandbox, (services[0] as Service).url, concurrency);
    let last: { from: number; obi: Obi } | undefined;
    for (let round = 1; round <= rounds; round++) {
      await load.answers(2 * concurrency);
      const obi = await Obi.start(sandbox, { ports: portsOf(services), env: ACCOUNTING });
      const from = await load.turnedOver();
      const trees = (await load.answers(judged, from)).flatMap(({ tree }) => tree ?? []);
      last = { from, obi };
      // The last one sees the load's end, and is judged by all.
      if (round === rounds) break;
      const wrong = () => wrongIn(trees, obi);
      // A span comes a little later than the answer.
      await obi.proc.until(
        () => `these were right: ${JSON.stringify(wrong())}`,
        () => wrong().length === 0,
        10,
      );
      await obi.stop();
      expect(wrong()).toEqual([]);
    }
    const answered = await load.stop();
    const { from, obi } = last as NonNullable<typeof last>;

    expect(answered.flatMap(({ error }) => error ?? [])).toEqual([]);
    const trees = answered.map(({ tree }) => tree as Tree);
    const late = load.since(from).map(({ tree }) => tree as Tree);
    expect(late.length).toBeGreaterThanOrEqual(judged);
    expect(crossedTraces(trees)).toEqual([]);
    expect(trees.filter((tree) => [tree, ...tree.downstream].some(({ traceparents }) => traceparents > 1))).toEqual([]);
    await obi.waitForSpans(late.reduce((sum, tree) => sum + spansOf(tree), 0));
    const account = await finish(obi);
    expect(wrongIn(late, account)).toEqual([]);
    expect(account).toMatchObject({ code: 0, lost: [] });
  });
