// SPDX-License-Identifier: Apache-2.0
// probe-node: with 50 requests interleaved, every outgoing request joins the one that caused it, in every supported version. Judged by the ids that the services
// themselves saw. OBI_NODE_REQUESTS sets the requests per version and way (10000 for the record).
import path from 'node:path';
import { describeNodeVersions, NODE_VERSIONS } from '../harness/node-versions.mjs';
import { Obi, type PrintedSpan } from '../harness/obi.mjs';
import { askIn, judge, judgeTree, startLeaves, startMiddle } from '../harness/parents.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { inVm, isSample } from './support/features.js';

const REQUESTS = Number(process.env.OBI_NODE_REQUESTS ?? (isSample ? 60 : 200));
const probe = path.resolve(__dirname, '../../packages/probe-node');
const middleFile = path.join(probe, 'test/support/middle.cjs');
const undici = path.dirname(require.resolve('undici/package.json'));
const TIMEOUT = (60_000 + REQUESTS * 40) * (inVm ? 8 : 1);

async function measure(binary: string, env: Record<string, string>, settings: { keepAlive?: boolean; requests?: number } = {}) {
  const sandbox = await Sandbox.create({ netns: true, name: 'obi-node' });
  try {
    const leaves = await startLeaves(sandbox);
    const middle = await startMiddle(sandbox, 'middle', [binary, middleFile], leaves, { UNDICI: undici, ...env });
    const obi = await Obi.start(sandbox, { plugins: `http,${probe}`, ports: [middle.port] });
    // Of a cluster the primary too, which hands out the connections.
    const processes = env.CLUSTER === '1' ? Number(env.WORKERS) + 1 : 1;
    const told = () => obi.proc.lines.filter(({ text }) => /follows requests inside|cannot follow requests/.test(text));
    await obi.proc.until(`it said of ${processes} processes whether it follows them`, () => told().length >= processes);
    const { answers, errors } = await askIn(sandbox, middle.url, { requests: settings.requests ?? REQUESTS, keepAlive: settings.keepAlive ?? true });
    await obi.waitForSpans(3 * answers.length, 15);
    const { code, spans } = await obi.stop();
    const { examples, ...trace } = judge(answers);
    return {
      errors,
      trace,
      tree: judgeTree(answers, spans),
      strangers: strangersAmong(spans),
      spans: spans.length,
      code,
      told: told().map(({ text }) => text),
      said: middle.proc.lines,
      examples,
    };
  } finally {
    await sandbox.dispose();
  }
}

/** A span for each request and each call is wanted: whatever else became one, or became two. */
function strangersAmong(spans: readonly PrintedSpan[]): PrintedSpan[] {
  const seen = new Set<string>();
  return spans.filter(({ kind, attributes }) => {
    const key = `${kind} ${attributes['url.query'] ?? attributes['url.full']}`;
    const strange = !/\bid=/.test(key) || seen.has(key);
    seen.add(key);
    return strange;
  });
}

const allRight = (requests: number) => ({ right: 2 * requests, wrong: 0, unknown: 0, bare: 0, doubled: 0 });

const VERSIONS = isSample ? NODE_VERSIONS.filter((version) => version.startsWith('22')) : NODE_VERSIONS;

describeNodeVersions(
  '',
  ({ binary }) => {
    test.each(['http', 'fetch'])(
      '%s',
      async (MODE) => {
        const { errors, trace, tree, strangers, spans, code, said } = await measure(binary, { MODE, KEEPALIVE: '1' });
        expect({ errors, trace, code }).toEqual({ errors: [], trace: allRight(REQUESTS), code: 0 });
        expect(tree).toMatchObject({ right: 2 * REQUESTS, wrong: 0, unknown: 0, missing: 0 });
        // Neither the inspector's requests nor anything else became a span.
        expect({ strangers, spans }).toEqual({ strangers: [], spans: 3 * REQUESTS });
        expect(said.filter(({ stream }) => stream === 'stderr').map(({ text }) => text.replace(/ws:.*|https:.*/, '…'))).toEqual([
          'Debugger listening on …',
          'For help, see: …',
          'Debugger attached.',
        ]);
      },
      TIMEOUT,
    );
  },
  VERSIONS,
);

describeNodeVersions(
  ', further ways',
  ({ binary }) => {
    test.each([
      ['a pool of undici that is always full', { MODE: 'undici' }, {}],
      ['new connections, both sides', { MODE: 'http', KEEPALIVE: '0' }, { keepAlive: false }],
      ['http and fetch in turn', { MODE: 'mix', KEEPALIVE: '1' }, {}],
      ['a cluster of two processes', { MODE: 'http', KEEPALIVE: '1', CLUSTER: '1', WORKERS: '2' }, {}],
    ])(
      '%s',
      async (_, env, settings) => {
        const { errors, trace, told } = await measure(binary, env as Record<string, string>, { ...settings, requests: 200 });
        expect({ errors, trace, told }).toEqual({ errors: [], trace: allRight(200), told: expect.any(Array) });
      },
      TIMEOUT,
    );
  },
  VERSIONS.filter((version) => /^(18|26)/.test(version)),
);
