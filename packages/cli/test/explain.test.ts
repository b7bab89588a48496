// SPDX-License-Identifier: Apache-2.0
/** `obi explain`: what people read, and what it says when there is nothing to explain. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

jest.mock('@obi/native', () => ({ createKernel: () => ({}) }));
jest.mock('@obi/bpf', () => ({ coreObjects: () => ({}) }));

import { type ExplainAnswer, type ExplainedSpan, ExplainServer, errors, silentLogger } from '@obi/core';
import { renderAnswer } from '../src/explain/explain-text.js';
import { main } from '../src/index.js';
import { written } from './support/fakes.js';

const TRACE = 'c0'.repeat(16);
const AT = '2026-01-02T03:04:05.010Z';
const STORE = { records: 12, bytes: 4000, capacityBytes: 8000, reachMs: 5000 };
const THREAD = { id: '0000006400000065', kind: 'thread', pid: 100, tid: 101 } as const;

const SERVER: ExplainedSpan = {
  traceId: TRACE,
  spanId: 'a1'.repeat(8),
  parentSpanId: null,
  probe: 'http',
  event: 'http_exchange_event',
  kind: 'server',
  name: 'GET /cart',
  began: AT,
  agoMs: 2000,
  durationMs: 30,
  isError: false,
  attributes: { 'url.path': '/cart' },
  process: { pid: 100, service: 'shop', executable: '/usr/bin/python3', model: 'threads', runtime: null },
  verdict: { kind: 'root', rule: null, short: 'no traceparent came with it', why: 'No traceparent.', needed: 'Nothing.' },
  cause: { scope: THREAD, scopeStarted: null, request: null, meanwhile: null },
};
const CLIENT: ExplainedSpan = {
  ...SERVER,
  spanId: 'c1'.repeat(8),
  parentSpanId: SERVER.spanId,
  kind: 'client',
  name: 'GET',
  isError: true,
  attributes: { 'url.full': 'http://stock/items' },
  verdict: { kind: 'joined', rule: 'parent_inherited', short: 'its thread was started for it', why: 'It was started for it.', needed: null },
  cause: {
    scope: { ...THREAD, tid: 102 },
    scopeStarted: { at: AT, beforeMs: 4 },
    request: { spanId: SERVER.spanId, began: { at: AT, beforeMs: 12.5 }, readBy: { ...THREAD, pid: 7 } },
    meanwhile: null,
  },
};
const ORPHAN: ExplainedSpan = {
  ...CLIENT,
  parentSpanId: null,
  process: { ...CLIENT.process, model: 'multiplexed', runtime: { probe: 'node', state: 'refused', reason: 'an inspector is open' } },
  verdict: { kind: 'orphan', rule: 'orphan_multiplexed', short: 'many at a time', why: 'Many at a time.', needed: 'A probe.' },
  cause: {
    scope: { id: '8000000000000001', kind: 'declared', pid: null, tid: null },
    scopeStarted: null,
    request: null,
    meanwhile: { count: 7, first: [{ spanId: 'a9', traceId: TRACE, name: 'GET /x' }] },
  },
};

const answerOf = (parts: Partial<ExplainAnswer>): ExplainAnswer => ({
  schemaVersion: 1,
  obi: { pid: 42, version: '1' },
  asked: { kind: 'span', id: parts.spans?.[0]?.spanId ?? '' },
  at: AT,
  store: STORE,
  spans: [],
  parents: [],
  omitted: 0,
  ...parts,
});
const text = (parts: Partial<ExplainAnswer>, unicode = true) => renderAnswer(answerOf(parts), unicode).join('\n');

describe('a span', () => {
  test('with a parent', () => {
    expect(text({ spans: [CLIENT], parents: [SERVER] })).toBe(
      [
        'client GET http://stock/items',
        `  span ${CLIENT.spanId} of trace ${TRACE}, seen by probe http`,
        '  sent by  shop (pid 100), /usr/bin/python3',
        '  process  one request per thread at a time',
        `  parent   ${SERVER.spanId}  server GET /cart, shop (pid 100)`,
        '  rule     parent_inherited: It was started for it.',
        "  scopes   sent by thread 102; the parent's request was read by thread 101 of process 7",
        `  times    ${AT}  the parent's request began, 12.5 ms before`,
        `           ${AT}  what sent this was started, 4.00 ms before`,
        `           ${AT}  this was sent, 2.00 s ago; it took 30.0 ms and failed`,
      ].join('\n'),
    );
  });

  test('without', () => {
    const lines = text({ spans: [ORPHAN] });
    expect(lines).toContain('parent     none\n');
    expect(lines).toContain('rule       orphan_multiplexed: Many at a time.\n  needed     A probe.\n');
    expect(lines).toContain('many requests per thread (multiplexed); probe node: refused, an inspector is open\n');
    expect(lines).toContain('open then  7 requests in this process: a9 GET /x and 6 more\n');
    expect(lines).toContain('sent by scope 8000000000000001 of the runtime probe\n');
  });

  test('an incoming one names the orphans that were sent meanwhile', () => {
    const meanwhile = { count: 1, first: [{ spanId: 'c9', traceId: TRACE, name: 'GET' }] };
    const lines = text({ spans: [{ ...SERVER, cause: { ...SERVER.cause, meanwhile } }] });
    expect(lines).toContain('because      No traceparent.\n');
    expect(lines).toContain('meanwhile    1 request sent by this process without a parent: c9 GET\n');
    expect(lines).toContain('scopes       read by thread 101\n');
  });

  test('a parent that is not there: not answered yet, or gone from the store, or never seen here', () => {
    expect(text({ spans: [CLIENT] })).toContain('which is not answered yet');
    expect(text({ spans: [{ ...CLIENT, agoMs: 4990 }] })).toContain('whose record is gone from the store');
    const incoming = { ...SERVER, parentSpanId: 'b'.repeat(16), verdict: { ...SERVER.verdict, kind: 'incoming' as const } };
    expect(text({ spans: [incoming] })).toContain('which this obi has not seen');
  });

  test('what came off the wire cannot steer the terminal', () => {
    const evil = '\x1b[2J\u202e';
    const span = { ...CLIENT, name: evil, attributes: { 'url.full': evil }, process: { ...CLIENT.process, service: evil } };
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not come through
    expect(text({ spans: [span], parents: [{ ...SERVER, name: evil }] })).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
  });

  test('a process that has ended, and is forgotten', () => {
    const lines = text({ spans: [{ ...CLIENT, process: { pid: 100, service: null, executable: null, model: null, runtime: null } }] });
    expect(lines).toContain('sent by  a process that is gone (pid 100)\n  process  has ended\n');
  });
});

describe('a trace', () => {
  const trace = (spans: ExplainedSpan[], omitted = 0, unicode = true) => text({ asked: { kind: 'trace', id: TRACE }, spans, omitted }, unicode).split('\n');

  test('is a tree with a rule in each line', () => {
    const second = { ...SERVER, spanId: 'b2'.repeat(8), parentSpanId: CLIENT.spanId, process: { ...SERVER.process, pid: 200 } };
    const [head, ...lines] = trace([SERVER, CLIENT, second]);
    expect(head).toBe(`trace ${TRACE}: 3 spans of 2 processes`);
    expect(lines[0]).toMatch(/^server GET \/cart +a1a1\S+ +shop \(pid 100\) +30.0 ms {2}root: no traceparent came with it$/);
    expect(lines[1]).toMatch(/^└ client GET http:\/\/stock\/items +c1c1\S+ .*parent_inherited: its thread was started for it$/);
    expect(lines[2]).toMatch(/^ {2}└ server GET \/cart +b2b2/);
  });

  test('names what was lost where it ends', () => {
    const meanwhile = { count: 3, first: [{ spanId: 'c9', traceId: TRACE, name: 'GET' }] };
    expect(trace([{ ...SERVER, cause: { ...SERVER.cause, meanwhile } }])[1]).toMatch(/; sent by its process meanwhile, without a parent: c9 and 2 more$/);
  });

  test('says which parents have no record, and how many spans are left out', () => {
    const lines = trace([CLIENT], 3, false);
    expect(lines[0]).toBe(`trace ${TRACE}: 1 span of 1 process; 3 more are not shown`);
    expect(lines[1]).toContain(`(${SERVER.spanId}, of which there is no record)`);
  });

  test('shows two spans of one id both, and their children once', () => {
    const child = { ...SERVER, spanId: 'b2'.repeat(8), parentSpanId: CLIENT.spanId };
    expect(trace([SERVER, CLIENT, CLIENT, child]).filter((line) => /server|client/.test(line))).toHaveLength(4);
  });
});

describe('the command', () => {
  let folder: string;
  const kept = { ...process.env };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'obi-cli-explain-'));
    for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name];
    process.env['OTEL_EBPF_EXPLAIN_DIRECTORY'] = folder;
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
    process.env = { ...kept };
  });

  async function ran(...args: string[]) {
    process.exitCode = undefined;
    const error = jest.spyOn(console, 'error').mockImplementation(() => undefined);
    const stdout = await written('stdout', () => main(['node', 'obi', 'explain', ...args]));
    const stderr = error.mock.calls.flat().join('\n');
    error.mockRestore();
    const code = process.exitCode ?? 0;
    process.exitCode = undefined;
    return { code, stdout, stderr };
  }
  const serve = (answer: (id: string) => ExplainAnswer) => ExplainServer.start(folder, answer, silentLogger);

  test('prints what the running obi answers', async () => {
    await using _server = await serve(() => answerOf({ spans: [SERVER] }));
    expect(await ran(SERVER.spanId)).toEqual({ code: 0, stdout: expect.stringMatching(/^server GET \/cart\n/), stderr: '' });
  });

  test('--json prints the answer as it came, --pid asks that one', async () => {
    const answer = answerOf({ spans: [SERVER] });
    await using _server = await serve(() => answer);
    const { code, stdout } = await ran(SERVER.spanId, '--json', '--pid', String(process.pid));
    expect([code, JSON.parse(stdout)]).toEqual([0, [answer]]);
    expect(await ran(SERVER.spanId, '--pid', '1')).toMatchObject({ code: 1, stderr: expect.stringContaining('no obi with pid 1 answers there') });
  });

  test('an id that is in no record: exit code 1, how far back it reaches', async () => {
    await using _server = await serve(() => answerOf({}));
    const { code, stdout, stderr } = await ran('ab'.repeat(8));
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(
      `span ${'ab'.repeat(8)} is in no record of obi ${process.pid} (12 records, reaching back 5.00 s; 50 % of explain.buffer_bytes are used)`,
    );
    expect(stderr).toContain('[OBI_ERR_EXPLAIN_UNKNOWN]');
    expect(JSON.parse((await ran('ab'.repeat(8), '--json')).stdout)).toMatchObject([{ spans: [] }]);
  });

  test('an obi that fails to answer is quoted', async () => {
    await using _server = await serve(() => {
      throw errors.noProbes(['x']);
    });
    expect(await ran('ab'.repeat(8))).toMatchObject({ code: 1, stderr: expect.stringContaining('no probe can run') });
  });

  test.each([
    ['what is no id', ['xyz'], 'OBI_ERR_EXPLAIN_ID', 'trace id (32 hexadecimal digits)'],
    ['no obi that runs', ['ab'.repeat(16)], 'OBI_ERR_EXPLAIN_UNREACHABLE', 'no obi answers there'],
  ])('%s: exit code 1 and one message', async (_what, args, code, words) => {
    const ended = await ran(...args);
    expect(ended).toEqual({ code: 1, stdout: '', stderr: expect.stringContaining(`[${code}]`) });
    expect(ended.stderr).toContain(words);
  });

  test('without an id it is a wrong command line', async () => {
    const stderr = await written('stderr', async () => expect((await ran()).code).toBe(2));
    expect(stderr).toContain("missing required argument 'id'");
  });
});
