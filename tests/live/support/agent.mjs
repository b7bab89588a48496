// SPDX-License-Identifier: Apache-2.0
// Starts agent-with.mjs in a sandbox, watching the sandbox's own cgroup only.
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('agent-with.mjs', import.meta.url));

/** @typedef {{ fionreadFault: boolean | 'unknown', kprobes: boolean, release: string }} Features */
/** @typedef {Record<string, number>} Counters */

export class TestAgent {
  /** @param {import('../../harness/proc.mjs').Proc} proc @param {Features} features */
  constructor(proc, features) {
    this.proc = proc;
    this.features = features;
  }

  /**
   * @param {import('../../harness/sandbox.mjs').Sandbox} sandbox @param {Record<string, number>} [parameters] globals of the kernel side, e.g. a lifted guard
   * @param {Record<string, string>} [env] @returns {Promise<TestAgent>} once it traces
   */
  static async start(sandbox, parameters = {}, env = {}) {
    const proc = await sandbox.startOutside('agent', [process.execPath, script, JSON.stringify(parameters)], {
      stdin: 'pipe',
      env: { OTEL_EBPF_BPF_CONTEXT_PROPAGATION: 'all', OTEL_EBPF_BPF_CGROUP_PATH: sandbox.cgroup, ...env },
    });
    const [, features = ''] = await proc.line(/^ready (.*)$/);
    return new TestAgent(proc, JSON.parse(features));
  }

  /** Waits until user space has told the kernel all that it knows about a process. @param {number} pid */
  async traces(pid) {
    await this.proc.line(new RegExp(`tracing .*pid\\W+${pid}\\b`));
  }

  /** @returns {Promise<{ counters: Record<string, Counters>, records: number }>} */
  async status() {
    const next = new Promise((resolve) => {
      const done = this.proc.onLine(({ text }) => {
        if (!text.startsWith('status ')) return;
        done();
        resolve(JSON.parse(text.slice(7)));
      });
    });
    this.proc.child.stdin?.write('?\n');
    return Promise.race([next, this.proc.exited.then(() => Promise.reject(new Error(`agent: ended\n${this.proc.tail()}`)))]);
  }

  /** Counters of the HTTP probe and of core, in one. @returns {Promise<Counters>} */
  async counters() {
    const { counters } = await this.status();
    return { ...counters.core, ...counters.http };
  }

  stop() {
    return this.proc.stop();
  }
}
