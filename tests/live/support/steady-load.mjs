// SPDX-License-Identifier: Apache-2.0
// A load that goes on until it is told to end, and says of each request when it began: for what happens in its middle.
// As a program, for use inside a sandbox's namespace: node steady-load.mjs URL CONCURRENCY; prints one line of JSON for each request; ends at the end of stdin.
import http from 'node:http';
import { fileURLToPath } from 'node:url';

/** @typedef {{ began: number, tree?: import('../../harness/load.mjs').Tree, error?: string }} Answered began: milliseconds since the epoch */

export class SteadyLoad {
  /** @param {import('../../harness/proc.mjs').Proc} proc */
  constructor(proc) {
    this.proc = proc;
  }

  /** Outside the cgroup, over kept connections. @param {import('../../harness/sandbox.mjs').Sandbox} sandbox @param {string} url @param {number} concurrency */
  static async start(sandbox, url, concurrency) {
    const proc = await sandbox.startOutside('load', [process.execPath, fileURLToPath(import.meta.url), url, String(concurrency)], { stdin: 'pipe' });
    await proc.line(/^\{/);
    return new SteadyLoad(proc);
  }

  /** Ends it when all that began was answered. @returns {Promise<Answered[]>} */
  async stop() {
    this.proc.child.stdin?.end();
    const { code } = await this.proc.exited;
    if (code !== 0) throw new Error(`load: exit code ${code}\n${this.proc.tail()}`);
    return this.proc.lines.map(({ text }) => JSON.parse(text));
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
  const worker = async () => {
    while (!ended) {
      const id = `steady-${next++}`;
      const began = Date.now();
      const outcome = await get(`${url}/${id}`, agent, id).then(
        (tree) => ({ tree }),
        (error) => ({ error: `${id}: ${error.message}` }),
      );
      process.stdout.write(`${JSON.stringify({ began, ...outcome })}\n`);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  agent.destroy();
}

if (process.argv[1] && fileURLToPath(import.meta.url) === process.argv[1]) main(process.argv[2] ?? '', Number(process.argv[3] ?? 1));
