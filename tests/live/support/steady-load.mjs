// SPDX-License-Identifier: Apache-2.0
// A load that goes on until it is told to end, and says of each request when it began: for what happens in its middle.
// As a program, for use inside a sandbox's namespace: node steady-load.mjs URL CONCURRENCY; prints one line of JSON for each request; ends at the end of stdin.
import http from 'node:http';
import { fileURLToPath } from 'node:url';

/**
 * worker: which of those that ask one request after the other, from 0. began: milliseconds since the epoch.
 * @typedef {{ worker: number, began: number, tree?: import('../../harness/load.mjs').Tree, error?: string }} Answered
 */

export class SteadyLoad {
  /** @param {import('../../harness/proc.mjs').Proc} proc @param {number} concurrency */
  constructor(proc, concurrency) {
    this.proc = proc;
    this.concurrency = concurrency;
    /** All so far, in the order of the answers. @type {Answered[]} */
    this.answered = [];
    const read = (/** @type {import('../../harness/proc.mjs').Line} */ { stream, text }) => {
      if (stream === 'stdout') this.answered.push(JSON.parse(text));
    };
    proc.lines.forEach(read);
    proc.onLine(read);
  }

  /** Outside the cgroup, over kept connections. @param {import('../../harness/sandbox.mjs').Sandbox} sandbox @param {string} url @param {number} concurrency */
  static async start(sandbox, url, concurrency) {
    const proc = await sandbox.startOutside('load', [process.execPath, fileURLToPath(import.meta.url), url, String(concurrency)], { stdin: 'pipe' });
    await proc.line(/^\{/);
    return new SteadyLoad(proc, concurrency);
  }

  /** Those that began at this time or after it, and were answered by now. @param {number} time */
  since(time) {
    return this.answered.filter(({ began }) => began >= time);
  }

  /** Waits until what is under way now has been answered. @returns {Promise<number>} the time when that was seen */
  async turnedOver() {
    const now = Date.now();
    const workers = () => new Set(this.since(now).map(({ worker }) => worker)).size;
    await this.proc.until('each of its requests under way was answered', () => workers() === this.concurrency);
    return Date.now();
  }

  /** Waits for so many answers to requests that began at this time or after it. @param {number} count @param {number} [time] @returns {Promise<Answered[]>} */
  async answers(count, time = Date.now()) {
    await this.proc.until(
      () => `it had ${count} more answers; it has ${this.since(time).length}`,
      () => this.since(time).length >= count,
      60,
    );
    return this.since(time);
  }

  /** Ends it when all that began was answered. @returns {Promise<Answered[]>} */
  async stop() {
    this.proc.child.stdin?.end();
    const { code } = await this.proc.exited;
    if (code !== 0) throw new Error(`load: exit code ${code}\n${this.proc.tail()}`);
    return this.answered;
  }
}

/** @param {string} url @param {http.Agent} agent @param {string} id */
const get = (url, agent, id) =>
  new Promise((resolve, reject) => {
    const request = http.get(url, { agent, headers: { 'x-request-id': id }, timeout: 60_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (body += chunk));
      response.on('error', reject);
      response.on('end', () => (response.statusCode === 200 ? resolve(JSON.parse(body)) : reject(new Error(`status ${response.statusCode}: ${body}`))));
    });
    request.on('timeout', () => request.destroy(new Error('no answer in 60 s')));
    request.on('error', reject);
  });

/** @param {string} url @param {number} concurrency */
async function main(url, concurrency) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: concurrency });
  let ended = false;
  let next = 0;
  process.stdin.on('end', () => (ended = true)).resume();
  const work = async (/** @type {number} */ worker) => {
    while (!ended) {
      const id = `steady-${next++}`;
      const began = Date.now();
      const outcome = await get(`${url}/${id}`, agent, id).then(
        (tree) => ({ tree }),
        (error) => ({ error: `${id}: ${error.message}` }),
      );
      process.stdout.write(`${JSON.stringify({ worker, began, ...outcome })}\n`);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, (_, n) => work(n)));
  agent.destroy();
}

if (process.argv[1] && fileURLToPath(import.meta.url) === process.argv[1]) main(process.argv[2] ?? '', Number(process.argv[3] ?? 1));
