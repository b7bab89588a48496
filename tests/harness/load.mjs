// SPDX-License-Identifier: Apache-2.0
// Load client: N requests, C in flight, each with an x-request-id of its own; collects the JSON trees that the services answer, and checks them.
// As a program, for use inside a sandbox's namespace: node load.mjs --url URL [--requests N] [--concurrency C] [--close] [--header 'k: v'] prints {"trees", "errors"} as JSON.
import http from 'node:http';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/**
 * What a service of tests/workloads answers.
 * @typedef {{ service: string, traceparent: string | null, traceparents: number, request: string | null, sent?: string, pad?: string, downstream: Tree[] }} Tree
 * @typedef {{ url: string, requests?: number, concurrency?: number, keepAlive?: boolean, headers?: Record<string, string>, path?: (n: number) => string, prefix?: string }} LoadOptions
 * @typedef {{ trees: Tree[], errors: string[] }} LoadResult
 */

/** @param {LoadOptions} options @returns {Promise<LoadResult>} trees in order of the answers */
export async function load({ url, requests = 1, concurrency = 1, keepAlive = true, headers = {}, path = (n) => `/work?n=${n}`, prefix = `r${process.pid}` }) {
  const agent = new http.Agent({ keepAlive, maxSockets: concurrency });
  /** @type {LoadResult} */
  const result = { trees: [], errors: [] };
  let next = 0;
  const worker = async () => {
    while (next < requests) {
      const n = next++;
      const id = `${prefix}-${n}`;
      try {
        const tree = await get(new URL(path(n), url), agent, { ...headers, 'x-request-id': id });
        if (tree.request !== id) throw new Error(`answer has request id ${tree.request}`);
        result.trees.push(tree);
      } catch (error) {
        result.errors.push(`${id}: ${error instanceof Error ? error.message : error}`);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, requests) }, worker));
  agent.destroy();
  return result;
}

/** @param {URL} url @param {http.Agent} agent @param {Record<string, string>} headers @returns {Promise<Tree>} */
function get(url, agent, headers) {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { agent, headers, timeout: 120_000 }, (response) => {
      /** @type {Buffer[]} */ const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        if (response.statusCode !== 200) return reject(new Error(`status ${response.statusCode}: ${body.slice(0, 300)}`));
        try {
          resolve(JSON.parse(body));
        } catch {
          reject(new Error(`not JSON: ${body.slice(0, 100)}`));
        }
      });
    });
    request.on('timeout', () => request.destroy(new Error('no answer in 120 s')));
    request.on('error', reject);
  });
}

/** Runs the load inside a sandbox's namespace (in this process, where the sandbox has none; `path` works only there). @param {import('./sandbox.mjs').Sandbox} sandbox @param {LoadOptions} options @returns {Promise<LoadResult>} */
export async function loadIn(sandbox, options) {
  if (!sandbox.netns) return load(options);
  const { url, requests = 1, concurrency = 1, keepAlive = true, headers = {}, prefix } = options;
  const args = [fileURLToPath(new URL('load.mjs', import.meta.url)), '--url', url, '--requests', String(requests), '--concurrency', String(concurrency)];
  if (!keepAlive) args.push('--close');
  if (prefix) args.push('--prefix', prefix);
  for (const [key, value] of Object.entries(headers)) args.push('--header', `${key}: ${value}`);
  return JSON.parse(await sandbox.run('load', [process.execPath, ...args]));
}

/** All entries of a tree, the root first. @param {Tree} tree @returns {Tree[]} */
export function flatten(tree) {
  return [tree, ...tree.downstream.flatMap(flatten)];
}

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/;

/** Parts of a traceparent header. @param {string | null | undefined} header @returns {{ traceId: string, spanId: string } | undefined} */
export function parseTraceparent(header) {
  const match = header?.match(TRACEPARENT);
  return match ? { traceId: /** @type {string} */ (match[1]), spanId: /** @type {string} */ (match[2]) } : undefined;
}

/**
 * Checks by what the services saw that one request is one trace: below the root each service received exactly one valid traceparent, all of one trace,
 * each with a parent id of its own, and the request id of the root.
 * @param {Tree} tree @returns {string[]} what is wrong; empty when whole
 */
export function verifyTree(tree) {
  /** @type {string[]} */ const wrong = [];
  /** @type {Set<string>} */ const traces = new Set();
  /** @type {Set<string>} */ const parents = new Set();
  const [root, ...rest] = flatten(tree);
  const first = parseTraceparent(root?.traceparent);
  if (first) traces.add(first.traceId);
  for (const entry of rest) {
    const context = parseTraceparent(entry.traceparent);
    if (entry.traceparents !== 1) wrong.push(`${entry.service} received ${entry.traceparents} traceparent headers`);
    else if (!context) wrong.push(`${entry.service} received an invalid traceparent ${entry.traceparent}`);
    else {
      traces.add(context.traceId);
      if (parents.has(context.spanId)) wrong.push(`${entry.service} received a parent id that another service received too`);
      parents.add(context.spanId);
    }
    if (entry.request !== root?.request) wrong.push(`${entry.service} received request id ${entry.request}`);
  }
  if (traces.size > 1) wrong.push(`${traces.size} trace ids in one request`);
  return wrong;
}

if (process.argv[1] && fileURLToPath(import.meta.url) === process.argv[1]) {
  const { values } = parseArgs({
    options: {
      url: { type: 'string' },
      requests: { type: 'string', default: '1' },
      concurrency: { type: 'string', default: '1' },
      prefix: { type: 'string' },
      close: { type: 'boolean', default: false },
      header: { type: 'string', multiple: true, default: [] },
    },
  });
  const headers = Object.fromEntries(values.header.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]));
  const options = { url: values.url ?? '', requests: Number(values.requests), concurrency: Number(values.concurrency), keepAlive: !values.close, headers };
  load(values.prefix ? { ...options, prefix: values.prefix } : options).then((result) => process.stdout.write(JSON.stringify(result)));
}
