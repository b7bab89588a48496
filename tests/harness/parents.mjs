// SPDX-License-Identifier: Apache-2.0
// Measures how many outgoing requests got the right parent, a wrong one, or none, by ids that the services themselves echo.
//
// In a live test, with any service that keeps the contract of tests/workloads/parents/README.md:
//   const sandbox = await Sandbox.create({ netns: true });
//   const leaves = await startLeaves(sandbox);                                            // two, outside the cgroup: never traced
//   const middle = await startMiddle(sandbox, 'mine', ['node', 'middle.mjs'], leaves, { KEEPALIVE: '1' });
//   const result = await measure(sandbox, middle, { requests: 200, concurrency: 50, obi: { plugins: 'http,node' } });
//   expect(result.trace).toMatchObject({ right: result.calls, wrong: 0, unknown: 0, bare: 0, doubled: 0 }); // by ids
//   expect(result.tree).toMatchObject({ right: result.calls, wrong: 0, unknown: 0, missing: 0, copied: 0 });    // and by obi's spans
//   expect(result.own).toMatchObject({ right: result.calls, wrong: 0, unknown: 0, missing: 0 });                // by the ids in obi's spans: calls without header too
// Without jest: node tests/harness/parents.mjs [--requests N] [--concurrency C] [--seed S] [--plugins http,node] [--close] [--protocol http1|http2|grpc] [--calls 2] [--env K=V …] -- COMMAND …
// measures the middle that COMMAND starts, and prints one line of JSON.
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Obi } from './obi.mjs';
import { judge, judgeSpans, judgeTree } from './parents-judge.mjs';
import { Sandbox } from './sandbox.mjs';

export { judge, judgeSpans, judgeTree };

const workload = (/** @type {string} */ file) => fileURLToPath(new URL(`../workloads/parents/${file}`, import.meta.url));

/**
 * orders: what a request may ask for (`12`, `21`: in sequence; `p12`, `p21`: in parallel); maxWait: upper bound of each timer in ms;
 * traceparent: does the client send one (else only judgeSpans says anything)? protocol: of http2 and grpc it sends many at a time on one connection
 * @typedef {{ requests?: number, concurrency?: number, keepAlive?: boolean, seed?: number, orders?: string[], maxWait?: number, traceparent?: boolean,
 *   protocol?: 'http1' | 'http2' | 'grpc' }} Questions
 * @typedef {import('./parents-judge.mjs').Answer} Answer
 * @typedef {import('./parents-judge.mjs').Leaf} Leaf
 * @typedef {{ name: string, port: number, url: string, proc: import('./proc.mjs').Proc, calls?: number, orders?: string[] }} Middle calls: outgoing ones for each request
 */

/** @type {Required<Questions>} */
const DEFAULTS = {
  requests: 200,
  concurrency: 50,
  keepAlive: true,
  seed: 1,
  orders: ['12', '21', 'p12', 'p21'],
  maxWait: 20,
  traceparent: true,
  protocol: 'http1',
};

/** Files; what has them is spoken to over TLS. @typedef {{ CERT?: string, KEY?: string } & Record<string, string>} Tls */
const schemeOf = (/** @type {Tls} */ { CERT }) => (CERT ? 'https' : 'http');

/** Starts the two leaves. @param {Sandbox} sandbox @param {number} [count] @param {Tls} [tls] @returns {Promise<string[]>} their URLs */
export async function startLeaves(sandbox, count = 2, tls = {}) {
  const start = async (/** @type {unknown} */ _, /** @type {number} */ n) => {
    const proc = await sandbox.startOutside(`leaf-${n + 1}`, [process.execPath, workload('leaf.mjs')], { env: tls });
    return `${schemeOf(tls)}://127.0.0.1:${(await proc.line(/^listening (\d+)$/))[1]}`;
  };
  return Promise.all(Array.from({ length: count }, start));
}

/**
 * Starts a middle in the sandbox's cgroup and waits until it listens (`listening PORT` on stdout).
 * @param {Sandbox} sandbox @param {string} name @param {string[]} command @param {string[]} leaves @param {Record<string, string>} [env]
 * @returns {Promise<Middle>}
 */
export async function startMiddle(sandbox, name, command, leaves, env = {}) {
  const proc = await sandbox.start(name, command, { env: { PORT: '0', LEAVES: leaves.join(','), OTEL_SERVICE_NAME: name, ...env } });
  const [, chosen] = await proc.line(/^listening (\d+)$/);
  return { name, port: Number(chosen), url: `${schemeOf(env)}://127.0.0.1:${chosen}`, proc };
}

/** Sends the requests from inside the sandbox's namespace. @param {Sandbox} sandbox @param {string} url @param {Questions} [questions] @returns {Promise<{ answers: Answer[], errors: string[] }>} */
export async function askIn(sandbox, url, questions = {}) {
  return JSON.parse(await sandbox.run('client', [process.execPath, workload('client.mjs'), url, JSON.stringify({ ...DEFAULTS, ...questions })]));
}

/** What obi counted, by probe. @param {Obi} obi @returns {Record<string, Record<string, number>>} */
export function countersOf(obi) {
  const line = obi.proc.lines.find(({ text }) => text.includes('"message":"counters"'));
  if (!line) throw new Error(`obi wrote no counters\n${obi.proc.tail()}`);
  return JSON.parse(line.text).counters;
}

/**
 * Starts obi for the middle, sends the requests, stops obi, and judges.
 * @param {Sandbox} sandbox @param {Middle} middle @param {Questions & { obi?: Parameters<typeof Obi.start>[1] }} [options]
 */
export async function measure(sandbox, middle, { obi: settings = {}, ...questions } = {}) {
  const env = { OTEL_EBPF_LOG_LEVEL: 'debug', OTEL_EBPF_LOG_FORMAT: 'json', ...settings.env };
  const obi = await Obi.start(sandbox, { ...settings, ports: [middle.port], env });
  const { answers, errors } = await askIn(sandbox, middle.url, { ...(middle.orders ? { orders: middle.orders } : {}), ...questions });
  const calls = (middle.calls ?? 2) * answers.length;
  const made = answers.reduce((sum, { leaves }) => sum + leaves.length, 0);
  if (made !== calls) throw new Error(`${middle.name}: ${answers.length} requests made ${made} calls, not ${calls}`);
  await obi.waitForSpans(answers.length + calls, 5);
  const { code, spans } = await obi.stop();
  const { examples, ...trace } = judge(answers);
  return {
    name: middle.name,
    code,
    errors,
    answers,
    calls,
    trace,
    tree: judgeTree(answers, spans),
    own: judgeSpans(answers, spans),
    spans,
    examples,
    counters: countersOf(obi),
  };
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      requests: { type: 'string', default: '200' },
      concurrency: { type: 'string', default: '50' },
      seed: { type: 'string', default: '1' },
      plugins: { type: 'string', default: 'http' },
      calls: { type: 'string', default: '2' },
      close: { type: 'boolean', default: false },
      protocol: { type: 'string', default: 'http1' },
      env: { type: 'string', multiple: true, default: [] },
    },
  });
  const sandbox = await Sandbox.create({ netns: true, name: 'obi-parents' });
  try {
    const env = Object.fromEntries(values.env.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
    const middle = { ...(await startMiddle(sandbox, 'middle', positionals, await startLeaves(sandbox), env)), calls: Number(values.calls) };
    const [requests, concurrency, seed] = [Number(values.requests), Number(values.concurrency), Number(values.seed)];
    const { spans, answers, ...result } = await measure(sandbox, middle, {
      requests,
      concurrency,
      seed,
      keepAlive: !values.close,
      protocol: /** @type {any} */ (values.protocol),
      obi: { plugins: values.plugins },
    });
    console.log(JSON.stringify({ ...result, requests: answers.length, spans: spans.length }));
  } finally {
    await sandbox.dispose();
  }
}

if (process.argv[1] && fileURLToPath(import.meta.url) === process.argv[1]) main();
