// SPDX-License-Identifier: Apache-2.0
// Runs nginx with a location for each way of going upstream, sends it requests of all kinds, and judges whose request caused which call:
// by what the leaves noted, and by the application's ids in the spans' URLs.
import { fileURLToPath } from 'node:url';
import { Obi } from '../../harness/obi.mjs';
import { fetchIn } from '../../harness/services.mjs';
import { judgeCalls } from './judge.mjs';

const workload = (/** @type {string} */ file) => fileURLToPath(new URL(file, import.meta.url));

/** Locations of proxy.mjs, each a way of going upstream. */
export const CASES = 'old new kept unbuffered auth mirror error accel refused hangs_up resets silent unavailable cached limited resolved local'.split(' ');
/** How client.mjs sends a request, alone on its connection at that time; and those where others follow it too early. */
export const ALONE = 'get kept post post-parts post-large slow'.split(' ');
export const TOO_EARLY = ['pipelined', 'ahead'];

/**
 * @typedef {import('../../harness/sandbox.mjs').Sandbox} Sandbox
 * @typedef {import('./judge.mjs').Call} Call
 * @typedef {import('./judge.mjs').Sent} Sent
 * @typedef {{ cases?: string[], ways?: string[], requests?: number, concurrency?: number, seed?: number, traceparent?: boolean, drop?: boolean, workers?: number,
 *   obi?: Parameters<typeof Obi.start>[1] }} Options drop: nginx does not hand the incoming field on
 */

/** @param {Sandbox} sandbox @param {Record<string, string>} [env] */
async function startLeaf(sandbox, env = {}) {
  const proc = await sandbox.startOutside('leaf', [process.execPath, workload('leaf.mjs')], { env });
  return `http://127.0.0.1:${(await proc.line(/^listening (\d+)$/))[1]}`;
}

/** @param {Sandbox} sandbox @param {{ workers?: number, drop?: boolean }} [options] */
export async function startProxy(sandbox, { workers = 1, drop = false } = {}) {
  const leaf = await startLeaf(sandbox);
  const rude = await Promise.all(['hangs-up', 'resets', 'silent', 'unavailable'].map((how) => startLeaf(sandbox, { RUDE: how })));
  const dns = await sandbox.startOutside('dns', [process.execPath, workload('dns.mjs')]);
  const [HANGS_UP = '', RESETS = '', SILENT = '', UNAVAILABLE = ''] = rude;
  const env = { LEAF: leaf, HANGS_UP, RESETS, SILENT, UNAVAILABLE, DNS: `127.0.0.1:${(await dns.line(/^listening (\d+)$/))[1]}` };
  const proc = await sandbox.start('nginx', [process.execPath, workload('proxy.mjs')], {
    env: { ...env, OTEL_SERVICE_NAME: 'nginx', WORKERS: String(workers), ...(drop ? { DROP: '1' } : {}) },
  });
  const port = Number((await proc.line(/^listening (\d+)$/))[1]);
  /** @returns {Promise<Call[]>} what all leaves noted since it was asked last */
  const calls = async () => (await Promise.all([leaf, ...rude].map(async (url) => JSON.parse(await fetchIn(sandbox, `${url}/log`))))).flat();
  return { port, url: `http://127.0.0.1:${port}`, proc, calls };
}

/** @param {Sandbox} sandbox @param {Options} options */
export async function measureNginx(
  sandbox,
  { cases = CASES, ways = ALONE, requests = 500, concurrency = 50, seed = 1, traceparent = true, obi: settings = {}, ...rest },
) {
  const proxy = await startProxy(sandbox, rest);
  const env = { OTEL_EBPF_LOG_LEVEL: 'debug', OTEL_EBPF_LOG_FORMAT: 'json', ...settings.env };
  const obi = await Obi.start(sandbox, { ...settings, ports: [proxy.port], env });
  const questions = JSON.stringify({ requests, concurrency, seed, cases, ways, traceparent });
  /** @type {{ sent: Sent[], errors: string[] }} */
  const { sent, errors } = JSON.parse(await sandbox.run('client', [process.execPath, workload('client.mjs'), proxy.url, questions]));
  const calls = await proxy.calls();
  await obi.waitForSpans(sent.length + calls.length, 5 + sent.length / 200);
  const { code, spans } = await obi.stop();
  const line = obi.proc.lines.find(({ text }) => text.includes('"message":"counters"'));
  if (!line) throw new Error(`obi wrote no counters\n${obi.proc.tail()}`);
  /** @type {Record<string, Record<string, number>>} */
  const counters = JSON.parse(line.text).counters;
  return { code, sent: sent.length, errors, ...judgeCalls(sent, calls, spans, traceparent), calls: calls.length, counters, spans };
}
