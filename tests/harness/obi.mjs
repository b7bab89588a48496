// SPDX-License-Identifier: Apache-2.0
// obi as a child process of a test or the demo; its spans come back as the JSON lines of its printer.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { patience } from './proc.mjs';

/** The built command line program. */
export const obiMain = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../packages/cli/bin/obi.mjs');

/**
 * A span as `OTEL_EBPF_TRACE_PRINTER=json` writes it, with the kind as OTLP's number.
 * @typedef {{ traceId: string, spanId: string, parentSpanId?: string, name: string, kind: number, startTimeUnixNano: string, endTimeUnixNano: string,
 *   status: { code: string, message?: string }, attributes: Record<string, unknown>, resource: Record<string, unknown>,
 *   events?: { timeUnixNano: string, name: string, attributes: Record<string, unknown> }[], links?: { traceId: string, spanId: string, attributes: Record<string, unknown> }[],
 *   droppedAttributesCount?: number, droppedEventsCount?: number, droppedLinksCount?: number }} PrintedSpan
 */

const KINDS = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'];

/** @param {string} line @returns {PrintedSpan | undefined} undefined for a line that is no span */
function parseSpan(line) {
  if (!line.startsWith('{')) return undefined;
  try {
    const span = JSON.parse(line);
    return typeof span.spanId === 'string' ? { ...span, kind: typeof span.kind === 'number' ? span.kind : KINDS.indexOf(span.kind) } : undefined;
  } catch {
    return undefined;
  }
}

export class Obi {
  /** All spans so far. @type {PrintedSpan[]} */ spans = [];
  /** Called for each further span. @type {((span: PrintedSpan) => void) | undefined} */ onSpan;

  /** @param {import('./proc.mjs').Proc} proc */
  constructor(proc) {
    this.proc = proc;
    const read = (/** @type {import('./proc.mjs').Line} */ line) => {
      const span = line.stream === 'stdout' ? parseSpan(line.text) : undefined;
      if (!span) return;
      this.spans.push(span);
      this.onSpan?.(span);
    };
    proc.lines.forEach(read);
    proc.onLine(read);
  }

  /**
   * Starts `obi --plugins …` in the sandbox's namespace, outside its cgroup, with propagation on in that cgroup, and waits until it traces.
   * @param {import('./sandbox.mjs').Sandbox} sandbox
   * @param {{ plugins?: string, ports?: number[], args?: string[], env?: Record<string, string | undefined>, ready?: RegExp | null }} [options]
   *   ports: what is traced; env: overrides; ready: the line to wait for, null for none
   */
  static async start(sandbox, { plugins = 'http', ports = [], args = [], env = {}, ready = /\bready\b/i } = {}) {
    if (!existsSync(path.join(path.dirname(obiMain), '../dist'))) throw new Error('obi is not built: npm run build');
    const proc = await sandbox.startOutside('obi', [process.execPath, obiMain, '--plugins', plugins, ...args], {
      env: {
        OTEL_EBPF_BPF_CONTEXT_PROPAGATION: 'all',
        OTEL_EBPF_BPF_CGROUP_PATH: sandbox.cgroup,
        OTEL_EBPF_TRACE_PRINTER: 'json',
        ...(ports.length ? { OTEL_EBPF_OPEN_PORT: ports.join(',') } : {}),
        ...env,
      },
    });
    if (ready) await proc.line(ready);
    return new Obi(proc);
  }

  /**
   * Waits until a number of spans is there. @param {number} count @param {number} [seconds] @param {(span: PrintedSpan) => boolean} [filter]
   * @returns {Promise<PrintedSpan[]>} those there at the end, perhaps fewer
   */
  async waitForSpans(count, seconds = 15, filter = () => true) {
    const end = Date.now() + seconds * patience * 1000;
    for (;;) {
      const matching = this.spans.filter(filter);
      if (matching.length >= count || Date.now() > end || !this.proc.running) return matching;
      await delay(50);
    }
  }

  /** Ends it and @returns {Promise<{ code: number | null, signal: NodeJS.Signals | null, spans: PrintedSpan[] }>} how it ended, and all its spans, those flushed at the end too */
  async stop(signal = /** @type {NodeJS.Signals} */ ('SIGTERM')) {
    const ended = await this.proc.stop(signal);
    return { code: ended.code, signal: ended.signal, spans: this.spans };
  }
}
