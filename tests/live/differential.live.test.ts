// SPDX-License-Identifier: Apache-2.0
// With obi and without: what servers receive differs by one traceparent line per request, or not at all; what clients read does not differ.

import { patience } from '../harness/proc.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { TestAgent } from './support/agent.mjs';
import { clients } from './support/clients.mjs';
import { compare } from './support/compare.mjs';
import { type Outcome, RawClient, RecordingServer } from './support/raw.mjs';

jest.setTimeout(120_000 * patience);

/**
 * How many requests of a case carry our header. What is missing: a blank line that was cut by two writes, a field of the application's own, framing that
 * readers could take differently, another protocol. The send buffer decides for the rest: at least so many.
 */
const CARRIED: Record<string, number | { atLeast: number }> = {
  keep_alive: 20,
  head_and_1_0: 3,
  split_at_every_byte: 88,
  byte_by_byte: 1,
  blank_line_split: 16,
  line_feeds_only: 44,
  vectors: 9,
  bodies_apart: { atLeast: 16 },
  sendfile: { atLeast: 4 },
  splice: 2,
  chunked: { atLeast: 10 },
  expect_continue: 3,
  pipelined: { atLeast: 400 },
  short_after_long: 30,
  long_header: { atLeast: 8 },
  large_body: { atLeast: 3 },
  half_closed: 6,
  more_to_come: 7,
  own_traceparent: 26,
  conflicting_framing: 0,
  foreign_line_ends: 0,
  upgraded: 6,
  upgrade_refused: 8,
  tunnelled: 9,
  foreign_protocols: 0,
  zero_copy: 0,
  ways_to_read: 8,
  errors: 3,
};

let sandbox: Sandbox;
let server: RecordingServer;
let agent: TestAgent;
let client: RawClient;
const before = new Map<string, { outcome: Outcome; received: Buffer[] }>();

async function observe(name: string) {
  const outcome = await client.run(name);
  return { outcome, received: await server.take() };
}

async function runClient(command: string[]) {
  const proc = await sandbox.start('client', command);
  const { code } = await proc.exited;
  const lines = proc.lines.map(({ stream, text }) => `${stream}: ${text}`);
  return { outcome: { connections: 0, answers: lines, errors: code === 0 ? [] : [`exit code ${code}`], extra: null }, received: await server.take() };
}

const available = Object.entries(clients).flatMap(([name, { command, ...rest }]) => (command ? [{ name, command, ...rest }] : []));

beforeAll(async () => {
  sandbox = await Sandbox.create({ netns: true });
  server = await RecordingServer.start(sandbox);
  client = await RawClient.start(sandbox, server.port);
  for (const name of client.cases) before.set(name, await observe(name));
  for (const { name, command } of available) before.set(name, await runClient(command(server.port)));
  await client.proc.stop('SIGKILL');
  agent = await TestAgent.start(sandbox);
  client = await RawClient.start(sandbox, server.port);
  await agent.traces(client.proc.pid);
}, 120_000 * patience);
afterAll(() => sandbox.dispose());

test('every case of the client is judged here', () => {
  expect(client.cases.sort()).toEqual(Object.keys(CARRIED).sort());
});

test.each(Object.entries(CARRIED))('%s', async (name, carried) => {
  const reference = before.get(name);
  const { injected = 0 } = await agent.counters();
  const { outcome, received } = await observe(name);
  expect(reference?.outcome.errors).toEqual([]);
  expect(outcome).toEqual(reference?.outcome);
  const { inserted, requests, broken } = compare(reference?.received ?? [], received);
  expect(broken).toEqual([]);
  expect((await agent.counters()).injected ?? 0).toBe(injected + inserted);
  if (typeof carried === 'number') expect(inserted).toBe(carried);
  else expect(inserted).toBeGreaterThanOrEqual(carried.atLeast);
  expect(requests).toBeGreaterThanOrEqual(inserted);
});

test.each(available)('$name', async ({ name, command, requests, kept }) => {
  const reference = before.get(name);
  const { outcome, received } = await runClient(command(server.port));
  expect(reference?.outcome.errors).toEqual([]);
  expect(outcome).toEqual(reference?.outcome);
  const compared = compare(reference?.received ?? [], received);
  expect(compared.broken).toEqual([]);
  expect(compared.requests).toBe(requests);
  // Where FIONREAD is at fault, connections of programs that are not known to be safe carry one header only.
  if (agent.features.fionreadFault === false) expect(compared.inserted).toBe(requests - kept);
  else expect(compared.inserted).toBeGreaterThan(0);
});
