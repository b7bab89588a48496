// SPDX-License-Identifier: Apache-2.0
// Many requests at once through Python services of every kind: whose request caused which call? Judged by the ids that the services echo.
// OBI_PARENTS_N: requests for each, default 150 (10 000 for the figures in the README).
import { existsSync } from 'node:fs';
import path from 'node:path';
import { measure, startLeaves, startMiddle } from '../harness/parents.mjs';
import { anyVenv, interpreters, makeVenvs, type Venv } from '../harness/python-venvs.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { inVm, isSample, root } from './support/features.js';
import { expectAllRight, expectComplete, expectNeverWrong } from './support/verdicts.js';

const REQUESTS = Number(process.env.OBI_PARENTS_N ?? (isSample ? 60 : 150));
const IN_FLIGHT = 50;
const folder = path.join(root, 'tests/workloads/parents/python');
const PLUGINS = `http,${path.join(root, 'packages/probe-python')}`;

jest.setTimeout((300_000 + REQUESTS * 40) * (inVm ? 8 : 1));

let sandbox: Sandbox;
let failures: ReadonlyMap<string, string>;
beforeAll(async () => {
  failures = await makeVenvs(interpreters());
});
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-python' });
});
afterEach(() => sandbox.dispose());

interface Middle {
  readonly script: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly keepAlive?: boolean;
  /** Command arguments in place of the script. */
  readonly module?: readonly string[];
}
const gunicorn = (env: Record<string, string>): Middle => ({
  script: 'wsgi.py',
  env,
  module: ['-m', 'gunicorn', '-c', path.join(folder, 'wsgi.py'), '--chdir', folder, 'wsgi:application'],
});
const threads = (env: Record<string, string>): Middle => ({ script: '../threads.py', env });

async function run({ name, python }: Venv, { script, env = {}, keepAlive = true, module }: Middle) {
  // The tier fails where a virtual environment could not be made although there is an interpreter: nothing here is left out in silence.
  if (!existsSync(python)) throw new Error(failures.get(name) ?? `${python} is missing`);
  const command = [python, ...(module ?? [path.join(folder, script)])];
  const middle = await startMiddle(sandbox, 'python', command, await startLeaves(sandbox), { KEEPALIVE: keepAlive ? '1' : '0', ...env });
  const result = await measure(sandbox, middle, { requests: REQUESTS, concurrency: IN_FLIGHT, keepAlive, obi: { plugins: PLUGINS } });
  expectComplete(result, REQUESTS);
  return result;
}

async function allRight(venv: Venv, middle: Middle, rules: readonly string[]): Promise<void> {
  const result = await run(venv, middle);
  expectAllRight(result);
  // By the rules that this kind of program is about, and no other.
  const { injected: _, ...used } = result.counters.http as Record<string, number>;
  expect(Object.keys(used).sort()).toEqual([...rules].sort());
}

async function neverWrong(venv: Venv, middle: Middle): Promise<{ right: number; unknown: number; calls: number }> {
  const result = await run(venv, middle);
  expectNeverWrong(result);
  const { trace, calls } = result;
  return { right: trace.right, unknown: trace.unknown, calls };
}

const one = anyVenv();
const all = isSample && one ? [one] : interpreters();
if (all.length === 0) test.skip('no CPython 3.9 to 3.13 on this machine', () => {});

// What depends on the interpreter: with each that there is.
for (const venv of all) {
  describe(`CPython ${venv.name}`, () => {
    test('asyncio, aiohttp: tasks gathered', () => allRight(venv, { script: 'aio.py' }, ['parent_declared']));
    test('uvloop, aiohttp: tasks gathered', () => allRight(venv, { script: 'aio.py', env: { LOOP: 'uvloop' } }, ['parent_announced']));
    test('a thread per connection, calls on a pool', () => allRight(venv, threads({ PARALLEL: 'pool' }), ['parent_declared', 'parent_thread']));
  });
}

if (one && !isSample) {
  describe(`in general, seen with CPython ${one.name}`, () => {
    for (const parallel of ['task', 'to_thread', 'executor'])
      test(`asyncio, aiohttp: ${parallel}`, () =>
        allRight(one, { script: 'aio.py', env: { PARALLEL: parallel }, keepAlive: parallel === 'task' }, ['parent_declared']));

    for (const loop of ['asyncio', 'uvloop'])
      for (const http of ['h11', 'httptools'])
        test(`uvicorn with ${http} on ${loop}, FastAPI, httpx`, () =>
          allRight(one, { script: 'asgi.py', env: { LOOP: loop, HTTP: http }, keepAlive: http === 'h11' }, [
            loop === 'uvloop' ? 'parent_announced' : 'parent_declared',
          ]));
    test('uvicorn on uvloop, ordinary functions of FastAPI on threads, requests', () =>
      allRight(one, { script: 'asgi.py', env: { LOOP: 'uvloop', HANDLER: 'sync' } }, ['parent_declared']));

    test('gunicorn, sync workers', () => allRight(one, gunicorn({ WORKER: 'sync', WORKERS: '8' }), ['parent_declared', 'parent_thread']));
    test('gunicorn, gthread workers', () => allRight(one, gunicorn({ WORKER: 'gthread' }), ['parent_declared', 'parent_thread']));

    test('a bare object from a queue that all share is no work', () => allRight(one, { script: 'handover.py', env: { HAND: 'tokens' } }, ['parent_declared']));
    test('a ThreadPool: all but the first item of each thread that waited before obi came', async () => {
      const { unknown, right } = await neverWrong(one, { script: 'handover.py', env: { HAND: 'pool' } });
      expect(right).toBeGreaterThan(0);
      // 16 workers and the thread that feeds them, twice: what that one gave out unknown is unknown there too.
      expect(unknown).toBeLessThanOrEqual(2 * 17);
    });
  });

  describe('unknown rather than wrong', () => {
    test('calls on a thread that the handler started', async () => {
      const { right, unknown, calls } = await neverWrong(one, threads({}));
      // Of each request that calls in parallel, one call is on the handler's own thread.
      expect(right).toBeGreaterThan(calls / 2);
      expect(unknown).toBeGreaterThan(0);
    });
    for (const [hand, what] of Object.entries({
      shared: 'something from a second queue that was put for another request',
      same: 'work from a list, with the same signal again and again in a queue',
      worker: 'work from a queue.Queue, taken by threads that requests have started',
    }))
      test(what, async () => {
        const { unknown } = await neverWrong(one, { script: 'handover.py', env: { HAND: hand } });
        expect(unknown).toBeGreaterThan(0);
      });
  });
}
