// SPDX-License-Identifier: Apache-2.0
// A traceparent that an application hands on unchanged: what leaves differs in the 16 digits of the span id, or not at all.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { patience } from '../harness/proc.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { which } from '../harness/services.mjs';
import { TestAgent } from './support/agent.mjs';
import { root } from './support/features.js';
import { RecordingServer } from './support/raw.mjs';
import { CALLER, TRACE } from './support/traced.js';

jest.setTimeout(120_000 * patience);

const DIGITS = 36;
const python = which('/usr/bin/python3', 'python3') ?? 'python3';
const SAMPLED = `00-${TRACE}-${CALLER}-01`;

interface Played {
  readonly sent: Buffer[];
  readonly received: Buffer[];
  /** For each field that was sent: may its span id become another? null: either. */
  readonly expected: (boolean | null)[];
}

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true });
});
afterEach(() => sandbox.dispose());

async function start(parameters: Record<string, number> = {}, slow = false) {
  const server = await RecordingServer.start(sandbox, { slow });
  const agent = await TestAgent.start(sandbox, parameters);
  const forwarder = await sandbox.start('forwarder', [python, path.join(root, 'tests/workloads/nginx/forwarder.py'), String(server.port)]);
  const [, cases = ''] = await forwarder.line(/^cases (.*)$/);
  const [, port] = await forwarder.line(/^listening (\d+)$/);
  await agent.traces(forwarder.pid);

  /** Has the forwarder play a case for a request that carries this field. */
  async function play(name: string, traceparent = SAMPLED): Promise<Played> {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'obi-handed-on-'));
    try {
      const ask = `fetch(process.argv[1], { headers: { traceparent: process.argv[2] } }).then((r) => r.text()).then((t) => process.stdout.write(t))`;
      const url = `http://127.0.0.1:${port}/${name}?folder=${folder}`;
      const answer = JSON.parse(await sandbox.run('ask', [process.execPath, '-e', ask, url, traceparent]));
      expect(answer.error).toBeNull();
      const sent = Array.from({ length: answer.connections }, (_, n) => readFileSync(path.join(folder, String(n))));
      return { sent, received: await server.take(), expected: answer.expected };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return { agent, cases: JSON.parse(cases) as string[], play };
}

/**
 * Proves that each connection carried what was sent, but for span ids of fields that were handed on.
 * @returns of each field that was sent, whether its id is another one
 */
function changes({ sent, received }: Played, traceparent = SAMPLED): { changed: boolean[]; ids: string[]; broken: string[] } {
  const changed: boolean[] = [];
  const ids: string[] = [];
  const broken: string[] = received.length === sent.length ? [] : [`${received.length} connections, not ${sent.length}`];
  for (const [n, mine] of sent.entries()) {
    const restored = Buffer.from(received[n] ?? Buffer.alloc(0));
    for (let at = fieldAfter(mine, 0); at !== undefined; at = fieldAfter(mine, at + 1)) {
      const isCopy = mine.toString('latin1', at, at + traceparent.length) === traceparent;
      const id = restored.toString('latin1', at + DIGITS, at + DIGITS + 16);
      changed.push(isCopy && id !== CALLER);
      if (isCopy && /^[0-9a-f]{16}$/.test(id)) {
        if (id !== CALLER) ids.push(id);
        restored.write(CALLER, at + DIGITS, 'latin1');
      }
    }
    if (!restored.equals(mine)) broken.push(`connection ${n} of ${sent.length}`);
  }
  return { changed, ids, broken };
}

/** Where the value of the next field called traceparent begins, wherever it stands (in bodies too). */
function fieldAfter(bytes: Buffer, from: number): number | undefined {
  const pattern = /\ntraceparent:[ \t]*/gi;
  const text = bytes.toString('latin1');
  pattern.lastIndex = Math.max(0, from - 1);
  const match = pattern.exec(text);
  return match ? match.index + match[0].length : undefined;
}

const count = <T>(list: readonly T[], what: T) => list.filter((one) => one === what).length;

test('every way to send: 16 digits differ where the field was handed on, nothing else', async () => {
  const { agent, cases, play } = await start();
  const before = await agent.counters();
  let [rewritten, kept] = [before.rewritten ?? 0, before.kept ?? 0];
  for (const name of cases.filter((one) => one !== 'pressure')) {
    const played = await play(name);
    const { changed, ids, broken } = changes(played);
    expect({ name, broken }).toEqual({ name, broken: [] });
    expect({ name, changed }).toEqual({ name, changed: played.expected });
    expect(new Set(ids).size).toBe(ids.length);
    const counters = await agent.counters();
    expect({ name, rewritten: (counters.rewritten ?? 0) - rewritten }).toEqual({ name, rewritten: count(changed, true) });
    [rewritten, kept] = [counters.rewritten ?? 0, counters.kept ?? 0];
  }
  expect(rewritten).toBeGreaterThan(200);
  expect(kept).toBeGreaterThan(50);
  expect(await agent.counters()).not.toHaveProperty('injected');
});

test('a trace that is not sampled keeps what was handed on: there is no span of ours to name', async () => {
  const { play, agent } = await start();
  const traceparent = `00-${TRACE}-${CALLER}-00`;
  const played = await play('keep_alive', traceparent);
  const { changed, broken } = changes(played, traceparent);
  expect(broken).toEqual([]);
  expect(changed).toEqual(played.expected.map(() => false));
  expect(await agent.counters()).toMatchObject({ kept: 20 });
});

describe('a short send buffer: messages that are refused, taken in part, and come again', () => {
  async function pressure(parameters: Record<string, number>) {
    const { play, agent } = await start(parameters, true);
    const { changed, broken, ids } = changes(await play('pressure'));
    expect(new Set(ids).size).toBe(ids.length);
    const mixed = ids.filter((id) => id.startsWith(CALLER.slice(0, 5)) || id.endsWith(CALLER.slice(-5)));
    return { changed, broken, mixed, counters: await agent.counters() };
  }

  test('each id is the caller’s, or ours as a whole', async () => {
    const { changed, broken, mixed, counters } = await pressure({});
    expect({ broken, mixed }).toEqual({ broken: [], mixed: [] });
    for (const which of [true, false]) expect(count(changed, which)).toBeGreaterThan(10);
    expect(counters.replayed).toBeGreaterThan(0);
  });
});
