// SPDX-License-Identifier: Apache-2.0
// FIONREAD (FACTS: trap A): programs that ask a socket how much it holds read large responses unharmed while obi is on, whatever this kernel answers for watched sockets.

import { flatten, loadIn } from '../harness/load.mjs';
import { patience } from '../harness/proc.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { missing, startService } from '../harness/services.mjs';
import { TestAgent } from './support/agent.mjs';
import { fetchAll } from './support/fetch.mjs';
import { RawClient, RecordingServer } from './support/raw.mjs';

jest.setTimeout(120_000 * patience);

let sandbox: Sandbox;
let server: RecordingServer;
let agent: TestAgent;
beforeAll(async () => {
  sandbox = await Sandbox.create({ netns: true });
  server = await RecordingServer.start(sandbox);
  agent = await TestAgent.start(sandbox);
}, 60_000 * patience);
afterAll(() => sandbox.dispose());

const withNginx = missing('nginx') ? test.skip : test;
const withJava = missing('java') ? test.skip : test;

withNginx.each([{ keepAlive: '1' }, { keepAlive: '' }])('nginx passes large responses on (upstream keep-alive: "$keepAlive")', async ({ keepAlive }) => {
  const sizes = Array.from({ length: 30 }, (_, n) => [100, 4_096, 5_000, 20_000, 70_000, 300_000, 3_000_000][n % 7]);
  const paths = sizes.map((size, n) => `/?n=${n}&size=${size}`);
  const nginx = await startService(sandbox, 'nginx', { downstream: [`http://127.0.0.1:${server.port}`], env: { KEEPALIVE: keepAlive } });
  const direct = await fetchAll(
    sandbox,
    30 * patience,
    paths.map((path) => `http://127.0.0.1:${server.port}${path}`),
  );
  await server.take();
  const { injected = 0 } = await agent.counters();
  const proxied = await fetchAll(
    sandbox,
    30 * patience,
    paths.map((path) => `${nginx.url}${path}`),
  );
  expect(proxied.filter((result) => typeof result === 'string')).toEqual([]);
  expect(proxied.map((result) => result[0])).toEqual(sizes.map(() => 200));
  // The answer begins with its number on the connection, which a proxy shares: lengths can differ by a digit, not by more.
  for (const [n, result] of proxied.entries()) expect(Math.abs(Number(result[1]) - Number(direct[n]?.[1]))).toBeLessThan(3);
  expect((await agent.counters()).injected ?? 0).toBeGreaterThan(injected);
  await nginx.proc.stop();
});

withJava.each([{ keepAlive: '1' }, { keepAlive: '' }])('Java reads large responses (keep-alive: "$keepAlive")', async ({ keepAlive }) => {
  const leaf = await startService(sandbox, 'node', { name: 'leaf', env: { PAD_BYTES: '500000' } });
  const java = await startService(sandbox, 'java', { downstream: [leaf], env: { KEEPALIVE: keepAlive } });
  const { injected = 0 } = await agent.counters();
  const { trees, errors } = await loadIn(sandbox, { url: java.url, requests: 20, concurrency: 4 });
  expect(errors).toEqual([]);
  expect(trees).toHaveLength(20);
  for (const tree of trees)
    expect(flatten(tree).map(({ service, pad }) => [service, pad?.length])).toEqual([
      ['java', undefined],
      ['leaf', 500_000],
    ]);
  const received = trees.map((tree) => tree.downstream[0]?.traceparents);
  expect(received.filter((count) => (count ?? 0) > 1)).toEqual([]);
  expect(received).toContain(1);
  expect((await agent.counters()).injected ?? 0).toBeGreaterThan(injected);
  await java.proc.stop();
  await leaf.proc.stop();
});

test('a program that asks although it counts as safe: its sockets leave, and get right answers', async () => {
  const client = await RawClient.start(sandbox, server.port);
  await agent.traces(client.proc.pid);
  await server.take();
  const { outcome: plain, carried: all } = await carriedIn(client, 'keep_alive');
  expect(plain.errors).toEqual([]);
  expect(all).toBe(20);

  const { outcome } = await carriedIn(client, 'fionread');
  expect(outcome.errors).toEqual([]);
  const seen: [asked: number, there: number][] = outcome.extra;
  const right = seen.map(([asked, there]) => asked === there);
  // Only its first question of all can find a watched socket: two answers on that connection may be wrong on a kernel with the fault.
  expect(right.slice(2)).toEqual([true, true, true, true]);
  if (agent.features.fionreadFault === false) expect(right).not.toContain(false);

  const { carried } = await carriedIn(client, 'keep_alive');
  expect(carried).toBe(agent.features.fionreadFault === false ? 20 : 1);
});

async function carriedIn(client: RawClient, name: string) {
  const outcome = await client.run(name);
  const received = Buffer.concat(await server.take()).toString('latin1');
  return { outcome, carried: received.match(/^traceparent: /gm)?.length ?? 0 };
}
