// SPDX-License-Identifier: Apache-2.0
// Many requests at once through services of every kind: whose request caused which call? Judged by the ids that the services echo.
// A wrong parent is a failure everywhere; a right one is demanded where the README promises it. OBI_PARENTS_N: requests for each, default 100.
import { type Answer, judge, judgeSpans, judgeTree, type Leaf, measure, startLeaves, startMiddle } from '../harness/parents.mjs';
import { lacking, startOf } from '../harness/parents-middles.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { testUnless } from './support/chain.js';
import { features, inVm, isSample } from './support/features.js';
import { MIDDLES, type Row } from './support/parents-rows.js';

const REQUESTS = Number(process.env.OBI_PARENTS_N ?? (isSample ? 60 : 100));
const IN_FLIGHT = 50;
const CLIENT = 3;
const table: Record<string, string | number>[] = [];

jest.setTimeout((120_000 + REQUESTS * 20) * (inVm ? 8 : 1));

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-parents' });
});
afterEach(() => sandbox.dispose());
afterAll(() => {
  const widths = new Map(
    Object.keys(table[0] ?? {}).map((key) => [key, Math.max(...[key, ...table.map((row) => row[key])].map((text) => String(text).length))]),
  );
  const line = (cell: (key: string) => unknown) => [...widths].map(([key, width]) => String(cell(key)).padEnd(width)).join('  ');
  console.log([line((key) => key), ...table.map((row) => line((key) => row[key]))].join('\n'));
});

/** Made by the thread that handles the request, or by another one beside it? */
const onHandler = ({ order }: Answer, { call }: Leaf) => !order.startsWith('p') || String(call) === order[1];

for (const row of MIDDLES.filter(({ sample }) => sample || !isSample)) {
  for (const keepAlive of isSample ? [true] : [true, false]) {
    testUnless(lacking(row.family))(`${row.name}, ${keepAlive ? 'a client that keeps connections' : 'a connection for each request'}`, () =>
      run(row, keepAlive),
    );
  }
}

async function run(row: Row, keepAlive: boolean): Promise<void> {
  const { command, env, calls = 2, safe } = startOf(row);
  const middle = await startMiddle(sandbox, row.name, command, await startLeaves(sandbox), { THREADS: '64', ...env });
  const obi = { env: safe === undefined ? {} : { OTEL_EBPF_BPF_FIONREAD_SAFE_EXECUTABLES: safe } };
  const { answers, spans, ...result } = await measure(sandbox, { ...middle, calls }, { requests: REQUESTS, concurrency: IN_FLIGHT, keepAlive, obi });
  const { trace, tree, own } = result;
  const verdicts = ({ right, wrong, unknown }: { right: number; wrong: number; unknown: number }) => `${right}/${wrong}/${unknown}`;
  const name = `${row.name}, ${keepAlive ? 'kept' : 'new'}`;
  table.push({
    'right/wrong/unknown': name,
    calls: result.calls,
    ids: verdicts(trace),
    bare: trace.bare,
    tree: verdicts(tree),
    copied: tree.copied,
    spans: verdicts(own),
  });

  expect(result.errors).toEqual([]);
  expect(answers).toHaveLength(REQUESTS);
  expect(result.code).toBe(0);
  expect({ ...trace, examples: result.examples }).toMatchObject({ wrong: 0, doubled: 0, examples: [] });
  expect(tree).toMatchObject({ wrong: 0, missing: trace.bare });
  expect(own).toMatchObject({ wrong: 0, missing: 0 });
  if (row.promised === undefined) return;

  // The calls of the promise, all of them.
  const promised = answers.map((answer) => ({ ...answer, leaves: answer.leaves.filter((leaf) => row.promised === 'all' || onHandler(answer, leaf)) }));
  const count = promised.reduce((sum, { leaves }) => sum + leaves.length, 0);
  expect(count).toBeGreaterThanOrEqual(REQUESTS);
  const headers = promised.reduce((sum, { leaves }) => sum + leaves.filter(({ traceparents }) => traceparents > 0).length, 0);
  expect(judge(promised)).toMatchObject({ right: headers });
  expect(judgeTree(promised, spans)).toMatchObject({ right: headers });
  const calledFor = new Set(promised.flatMap(({ id, leaves }) => leaves.map(({ call }) => `id=${id}&call=${call}`)));
  const isPromised = ({ kind, attributes }: (typeof spans)[number]) => kind !== CLIENT || calledFor.has(String(attributes['url.full']).replace(/^.*\?/, ''));
  expect(judgeSpans(promised, row.promised === 'all' ? spans : spans.filter(isPromised))).toMatchObject({ right: count, missing: 0 });
  const every = row.first === undefined || (row.first === 'FIONREAD' && features().fionreadFault === false);
  if (every) expect(headers).toBe(count);
  else expect(headers).toBeGreaterThan(0);
}

testUnless(lacking('python'))('a service that passes on the traceparent of another request is found out', async () => {
  const { command, env } = startOf({ name: 'control', family: 'python', env: { CROSS: '1' } });
  const middle = await startMiddle(sandbox, 'control', command, await startLeaves(sandbox), env);
  const { calls, trace, errors } = await measure(sandbox, middle, { requests: 100, concurrency: IN_FLIGHT });
  expect(errors).toEqual([]);
  // Of what was sent on, nothing is lost, and what came last is seldom the request that calls.
  expect(trace).toMatchObject({ unknown: 0, doubled: 0 });
  expect(trace.wrong).toBeGreaterThan(calls / 2);
});

test('the judges find what is wrong', () => {
  const header = (trace: string, span: string) => `00-${trace.repeat(32)}-${span.repeat(16)}-01`;
  const leaf = (id: string, call: number, traceparent: string | null, traceparents = traceparent ? 1 : 0) => ({ id, call, traceparent, traceparents });
  const answer = (id: string, trace: string, ...leaves: Leaf[]): Answer => ({ id, trace: trace.repeat(32), span: '5'.repeat(16), order: '12', leaves });
  const right = answer('x', 'a', leaf('x', 1, header('a', '1')), leaf('x', 2, header('a', '2')));
  expect(judge([right])).toMatchObject({ right: 2, wrong: 0, unknown: 0, bare: 0, doubled: 0 });
  expect(judge([right, answer('y', 'b', leaf('y', 1, header('a', '3')), leaf('y', 2, null))])).toMatchObject({ right: 2, wrong: 1, unknown: 1, bare: 1 });
  // A trace that nobody sent is unknown, unless two requests share it.
  expect(judge([answer('x', 'a', leaf('x', 1, header('c', '1')))])).toMatchObject({ wrong: 0, unknown: 1 });
  expect(judge(['x', 'y'].map((id, n) => answer(id, 'ab'[n] as string, leaf(id, 1, header('c', '1')))))).toMatchObject({ wrong: 2, unknown: 0 });
  expect(judge([answer('x', 'a', leaf('x', 1, header('a', '1'), 2))])).toMatchObject({ right: 1, doubled: 1 });
  expect(() => judge([answer('x', 'a', leaf('y', 1, null))])).toThrow('mixes up');

  const span = (spanId: string, parent: string | undefined, kind: number, id: string) => {
    const attributes = { [kind === 2 ? 'url.query' : 'url.full']: `http://leaf/?id=${id}&call=1` };
    return { traceId: 'a'.repeat(32), spanId: spanId.repeat(16), ...(parent ? { parentSpanId: parent.repeat(16) } : {}), kind, resource: {}, attributes };
  };
  const server = span('9', '5', 2, 'x');
  const spans = [server, span('1', '9', 3, 'x'), span('2', '9', 3, 'x')];
  expect(judgeTree([right], spans)).toEqual({ right: 2, wrong: 0, unknown: 0, missing: 0, copied: 0 });
  expect(judgeSpans([right], spans)).toEqual({ right: 2, wrong: 0, unknown: 0, missing: 0 });
  const [crossed, orphan] = [span('1', '8', 3, 'x'), span('2', undefined, 3, 'x')];
  expect(judgeTree([right], [server, span('8', '5', 3, 'y'), crossed, orphan])).toMatchObject({ right: 0, wrong: 1, unknown: 1 });
  expect(judgeSpans([right], [server, span('8', '5', 2, 'y'), crossed, orphan])).toMatchObject({ right: 0, wrong: 1, unknown: 1, missing: 0 });
  expect(judgeTree([right], [server, span('1', '9', 3, 'x')])).toMatchObject({ right: 1, missing: 1 });
  expect(judgeTree([answer('x', 'a', leaf('x', 1, header('a', '5')))], [])).toMatchObject({ copied: 1, missing: 0 });
});
