// SPDX-License-Identifier: Apache-2.0
// The raw client and the recording server of tests/workloads/raw, driven by a test.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { which } from '../../harness/services.mjs';

const folder = fileURLToPath(new URL('../../workloads/raw/', import.meta.url));
const python = which('/usr/bin/python3', 'python3') ?? 'python3';

/** @typedef {import('../../harness/sandbox.mjs').Sandbox} Sandbox */
/** @typedef {{ connections: number, answers: string[], errors: string[], extra: any }} Outcome */

/** @param {string} directory @param {number} count */
const readAll = (directory, count) => Array.from({ length: count }, (_, n) => readFileSync(path.join(directory, String(n))));

export class RecordingServer {
  /** @param {import('../../harness/proc.mjs').Proc} proc @param {number} port @param {string} directory */
  constructor(proc, port, directory) {
    this.proc = proc;
    this.port = port;
    this.directory = directory;
  }

  /** Outside the cgroup: it is nobody's business. @param {Sandbox} sandbox @param {{ slow?: boolean }} [options] slow: small receive buffer, pauses */
  static async start(sandbox, { slow = false } = {}) {
    const directory = mkdtempSync(path.join(os.tmpdir(), 'obi-raw-'));
    const proc = await sandbox.startOutside('recorder', [python, path.join(folder, 'server.py'), directory, ...(slow ? ['slow'] : [])], { stdin: 'pipe' });
    proc.exited.then(() => rmSync(directory, { recursive: true, force: true }));
    const [, port] = await proc.line(/^listening (\d+)$/);
    return new RecordingServer(proc, Number(port), directory);
  }

  /** What each connection since the last call has sent, in the order in which they came; waits for their ends. @returns {Promise<Buffer[]>} */
  async take() {
    const seen = this.proc.lines.length;
    this.proc.child.stdin?.write('take\n');
    await nextLine(this.proc, seen, /^recorded (\d+)$/);
    const names = readdirSync(this.directory);
    const records = readAll(this.directory, names.length);
    for (const name of names) rmSync(path.join(this.directory, name));
    return records;
  }
}

export class RawClient {
  /** @param {import('../../harness/proc.mjs').Proc} proc @param {string[]} cases */
  constructor(proc, cases) {
    this.proc = proc;
    this.cases = cases;
  }

  /** In the cgroup. @param {Sandbox} sandbox @param {number} port */
  static async start(sandbox, port) {
    const proc = await sandbox.start('raw', [python, path.join(folder, 'client.py'), String(port)], { stdin: 'pipe' });
    const [, cases = ''] = await proc.line(/^cases (.*)$/);
    return new RawClient(proc, JSON.parse(cases));
  }

  /** @param {string} name @param {number} [seconds] @returns {Promise<Outcome>} */
  async run(name, seconds = 60) {
    const seen = this.proc.lines.length;
    this.proc.child.stdin?.write(`${name}\n`);
    const [, outcome = ''] = await nextLine(this.proc, seen, /^done (.*)$/, seconds);
    return JSON.parse(outcome);
  }

  /**
   * Streams through small send buffers, see pressure.py. @param {number} seed @param {number} count connections @param {'random' | 'lookalike' | 'lowat'} kind
   * @returns {Promise<{ outcome: Outcome, sent: Buffer[] }>} sent: what each connection had to carry
   */
  async pressure(seed, count, kind) {
    const directory = mkdtempSync(path.join(os.tmpdir(), 'obi-raw-'));
    try {
      const outcome = await this.run(`pressure ${seed} ${count} ${directory} ${kind}`, 100);
      return { outcome, sent: readAll(directory, outcome.connections) };
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }
}

/** A line that matches, after the first `seen` ones. @param {import('../../harness/proc.mjs').Proc} proc @param {number} seen @param {RegExp} pattern @param {number} [seconds] */
async function nextLine(proc, seen, pattern, seconds) {
  for (const { text } of proc.lines.slice(seen)) {
    const match = text.match(pattern);
    if (match) return match;
  }
  // Proc.line() looks at past lines first: those of earlier commands are forgotten.
  proc.lines.splice(0);
  return proc.line(pattern, seconds);
}
