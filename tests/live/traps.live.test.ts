// SPDX-License-Identifier: Apache-2.0
// What writing into other programs' streams can break (FACTS: traps A to E, and F). Each scenario runs with its guard, unharmed, and without it, where the harm has to
// show: so a guard that stops working fails here, and so does one that was never needed.
import path from 'node:path';
import { patience } from '../harness/proc.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { missing, startService, which } from '../harness/services.mjs';
import { TestAgent } from './support/agent.mjs';
import { compare } from './support/compare.mjs';
import { fetchAll } from './support/fetch.mjs';
import { RawClient, RecordingServer } from './support/raw.mjs';

jest.setTimeout(120_000 * patience);

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true });
});
afterEach(() => sandbox.dispose());

/** obi with this guard lifted (none: as it is), and a raw client that it traces. */
async function start(parameters: Record<string, number>, slow = false) {
  const server = await RecordingServer.start(sandbox, { slow });
  const agent = await TestAgent.start(sandbox, parameters);
  const client = await RawClient.start(sandbox, server.port);
  await agent.traces(client.proc.pid);
  return { server, agent, client };
}

describe('A: FIONREAD', () => {
  const SIZES = [100, 4_000, 5_000, 20_000, 70_000, 300_000, 3_000_000];

  async function proxied(parameters: Record<string, number>, seconds: number) {
    const server = await RecordingServer.start(sandbox);
    const agent = await TestAgent.start(sandbox, parameters);
    const nginx = await startService(sandbox, 'nginx', { downstream: [`http://127.0.0.1:${server.port}`], env: { KEEPALIVE: '1' } });
    const results = await fetchAll(
      sandbox,
      seconds * patience,
      SIZES.map((size) => `${nginx.url}/?size=${size}`),
    );
    const { injected = 0 } = await agent.counters();
    return { features: agent.features, injected, results: results.map((result) => (typeof result === 'string' ? result : result[0])) };
  }
  const withNginx = missing('nginx') ? test.skip : test;

  withNginx('nginx as a proxy answers in full', async () => {
    const { results, injected } = await proxied({}, 30);
    expect(results).toEqual(SIZES.map(() => 200));
    expect(injected).toBeGreaterThan(0);
  });

  withNginx('without the guard it hangs, on kernels that have the fault', async () => {
    const { results, features, injected } = await proxied({ obi_cfg_fionread_fault: 0 }, 4);
    expect(injected).toBeGreaterThan(0);
    if (features.fionreadFault === true) expect(results).toContain('hangs');
    else expect(results).toEqual(SIZES.map(() => 200));
  });
});

describe.each([
  { trap: 'B: a short send buffer', kind: 'random', guard: 'obi_test_no_room_guard' },
  { trap: 'B: a low-water mark for unsent bytes', kind: 'lowat', guard: 'obi_test_no_room_guard' },
  { trap: 'D: bytes that were refused and come again', kind: 'lookalike', guard: 'obi_test_no_replay' },
] as const)('$trap', ({ kind, guard }) => {
  const ROUNDS = 8;
  const CONNECTIONS = process.env.OBI_VM ? 10 : 20;

  async function pressure(parameters: Record<string, number>, enough: (broken: number) => boolean) {
    const { server, client } = await start(parameters, true);
    const total = { inserted: 0, refused: 0, partial: 0, broken: [] as string[] };
    for (let seed = 1; seed <= ROUNDS && !enough(total.broken.length); seed++) {
      const { outcome, sent } = await client.pressure(seed, CONNECTIONS, kind);
      const { inserted, broken } = compare(sent, await server.take());
      expect(outcome.errors).toEqual([]);
      total.inserted += inserted;
      total.refused += outcome.extra.refused;
      total.partial += outcome.extra.partial;
      total.broken.push(...broken);
    }
    return total;
  }

  test('every stream arrives whole', async () => {
    const total = await pressure({}, () => false);
    expect(total.broken).toEqual([]);
    for (const count of [total.inserted, total.refused, total.partial]) expect(count).toBeGreaterThan(CONNECTIONS);
  });

  test('without the guard some are corrupted', async () => {
    expect((await pressure({ [guard]: 1 }, (broken) => broken > 0)).broken).not.toEqual([]);
  });
});

describe('C: Nagle', () => {
  const median = (values: number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

  async function taken(parameters: Record<string, number>) {
    const { client, server, agent } = await start(parameters);
    const { extra, errors } = await client.run('nagle');
    await server.take();
    expect(errors).toEqual([]);
    expect((await agent.counters()).injected).toBe(extra.length);
    return median(extra);
  }

  test('a request without TCP_NODELAY leaves at once; in pieces it waits', async () => {
    const guarded = await taken({});
    await sandbox.dispose();
    sandbox = await Sandbox.create({ netns: true });
    expect(guarded).toBeLessThan(0.5 * (await taken({ obi_test_no_linear: 1 })));
  });
});

describe('E: a verdict that outlives its message', () => {
  async function pipelined(parameters: Record<string, number>) {
    const { client, server, agent } = await start(parameters);
    const { errors } = await client.run('short_after_long');
    expect(errors).toEqual([]);
    const [received = Buffer.alloc(0)] = await server.take();
    return {
      received: received.toString('latin1').match(/^GET /gm)?.length,
      carried: received.toString('latin1').match(/^traceparent: /gm)?.length ?? 0,
      counters: await agent.counters(),
    };
  }

  test('every request carries its header', async () => {
    const { received, carried, counters } = await pipelined({});
    expect(received).toBe(30);
    expect(carried).toBe(30);
    expect(counters.desync ?? 0).toBe(0);
  });

  // In this carrier the sequence number shows that bytes were swallowed: nothing is corrupted, but the connection is given up.
  test('without the reset bytes go by unseen, and headers are missing', async () => {
    const { received, carried } = await pipelined({ obi_test_no_apply_reset: 1 });
    expect(received).toBe(30);
    expect(carried).toBeLessThan(30);
  });
});

describe('F: a read that waits, and a reset', () => {
  const python = which('/usr/bin/python3', 'python3') ?? 'python3';
  const script = (name: string) => path.join(__dirname, 'support', name);

  async function wait(parameters: Record<string, number>) {
    const server = await sandbox.startOutside('reset-server', [python, script('reset-server.py')]);
    const [, port = ''] = await server.line(/^listening (\d+)$/);
    const agent = await TestAgent.start(sandbox, parameters);
    const client = await sandbox.start('blocking-client', [python, script('blocking-client.py'), port]);
    const [answer] = await client.line(/^read .*$/);
    const [, carried] = await server.line(/^carried (\d)$/);
    await agent.stop();
    return { answer, carried };
  }

  test('it is told of the reset, and the request carried its header', async () => {
    expect(await wait({})).toEqual({ answer: 'read ConnectionResetError', carried: '1' });
  });

  /** A thread that waits in recv before another one has written anything. */
  async function duplex(parameters: Record<string, number>) {
    const server = await startService(sandbox, 'python', { name: 'leaf' });
    const agent = await TestAgent.start(sandbox, parameters);
    const client = await sandbox.start('duplex-client', [python, script('duplex-client.py'), String(server.port), '20']);
    const [, answered, failed, carried] = (await client.line(/^answered (\d+) failed (\d+) carried (\d+)$/, 60)).map(Number);
    await agent.stop();
    return { answered, failed, carried };
  }

  test('ebpf.blocking_sockets: false keeps blocking sockets out, and nobody who waits is disturbed', async () => {
    expect(await duplex({ obi_cfg_blocking_sockets: 0 })).toEqual({ answered: 20, failed: 0, carried: 0 });
  });

  test('by default a read that began before anything was sent can fail: the known limit in the README', async () => {
    const { answered = 0, failed = 0 } = await duplex({});
    expect(answered + failed).toBe(20);
    expect(failed).toBeGreaterThan(0);
  });

  test('without the guard it is told that it would have to wait', async () => {
    expect(await wait({ obi_test_no_blocking_guard: 1 })).toEqual({ answer: 'read BlockingIOError', carried: '1' });
  });
});
