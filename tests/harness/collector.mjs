// SPDX-License-Identifier: Apache-2.0
// The real OpenTelemetry Collector for tests: OTLP in on a loopback port, spans read back as plain objects.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Proc, patience } from './proc.mjs';
import { freePort } from './services.mjs';

/** @typedef {string | number | boolean | null | unknown[]} AttributeValue */
/**
 * A span as the Collector received it; ids in hex, times in nanoseconds.
 * @typedef {{ traceId: string, spanId: string, parentSpanId: string, name: string, kind: number, startTime: bigint, endTime: bigint, flags: number,
 *   attributes: Record<string, AttributeValue>, status: { code?: number, message?: string }, resource: Record<string, AttributeValue>, scope: string }} ReceivedSpan
 */

/**
 * The Collector's binary. @param {{ build?: boolean }} [options] build: build it when it is not there (minutes)
 * @returns {{ binary: string } | { unavailable: string }}
 */
export function collectorBinary({ build = false } = {}) {
  const script = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../tools/collector/build.sh');
  const result = spawnSync('bash', build ? [script] : [script, '--cached'], { encoding: 'utf8' });
  if (result.status === 0) return { binary: result.stdout.trim() };
  return { unavailable: result.stderr.trim().split('\n').pop() ?? 'the Collector is not built' };
}

export class Collector {
  /** @param {Proc} proc @param {string} dir @param {number} httpPort @param {number} grpcPort */
  constructor(proc, dir, httpPort, grpcPort) {
    this.proc = proc;
    this.file = path.join(dir, 'spans.jsonl');
    this.#dir = dir;
    /** For OTEL_EXPORTER_OTLP_ENDPOINT with http/protobuf. */
    this.endpoint = `http://127.0.0.1:${httpPort}`;
    this.grpcEndpoint = `http://127.0.0.1:${grpcPort}`;
  }
  #dir;

  /**
   * Starts it, inside a sandbox's namespace (not its cgroup) when one is given, and waits until it is ready.
   * @param {{ binary: string, sandbox?: import('./sandbox.mjs').Sandbox }} options
   */
  static async start({ binary, sandbox }) {
    const dir = mkdtempSync(path.join(os.tmpdir(), 'obi-collector-'));
    const [httpPort, grpcPort] = [await freePort(), await freePort()];
    const config = {
      receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${httpPort}` }, grpc: { endpoint: `127.0.0.1:${grpcPort}` } } } },
      exporters: { file: { path: path.join(dir, 'spans.jsonl'), flush_interval: '50ms' } },
      service: { telemetry: { metrics: { level: 'none' } }, pipelines: { traces: { receivers: ['otlp'], exporters: ['file'] } } },
    };
    writeFileSync(path.join(dir, 'config.yaml'), JSON.stringify(config)); // JSON is YAML
    const command = [binary, '--config', path.join(dir, 'config.yaml')];
    const proc = await (sandbox ? sandbox.startOutside('collector', command) : Proc.start('collector', command));
    try {
      await proc.line(/Everything is ready/);
    } catch (error) {
      rmSync(dir, { recursive: true, force: true });
      throw error;
    }
    return new Collector(proc, dir, httpPort, grpcPort);
  }

  /** All spans received so far. @returns {ReceivedSpan[]} */
  spans() {
    if (!existsSync(this.file)) return [];
    const text = readFileSync(this.file, 'utf8');
    // What follows the last newline is a line that is still being written.
    return text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter(Boolean)
      .flatMap((line) => JSON.parse(line).resourceSpans.flatMap(readResource));
  }

  /** Waits until that many spans are there, or the time is over. @param {number} count @param {number} [seconds] @returns {Promise<ReceivedSpan[]>} what is there then */
  async waitForSpans(count, seconds = 15) {
    const end = Date.now() + seconds * patience * 1000;
    for (;;) {
      const spans = this.spans();
      if (spans.length >= count || Date.now() > end) return spans;
      await delay(50); // the file exporter has no other signal
    }
  }

  /** Stops it, flushed, and removes its files. @returns {Promise<ReceivedSpan[]>} all spans it received */
  async stop() {
    await this.proc.stop();
    const spans = this.spans();
    rmSync(this.#dir, { recursive: true, force: true });
    return spans;
  }
}

/** @param {any} group one of OTLP JSON's resourceSpans @returns {ReceivedSpan[]} */
function readResource(group) {
  const resource = readAttributes(group.resource?.attributes);
  return (group.scopeSpans ?? []).flatMap((/** @type {any} */ scoped) =>
    (scoped.spans ?? []).map((/** @type {any} */ span) => ({
      traceId: span.traceId,
      spanId: span.spanId,
      parentSpanId: span.parentSpanId ?? '',
      name: span.name ?? '',
      kind: span.kind ?? 0,
      startTime: BigInt(span.startTimeUnixNano ?? 0),
      endTime: BigInt(span.endTimeUnixNano ?? 0),
      flags: span.flags ?? 0,
      attributes: readAttributes(span.attributes),
      status: span.status ?? {},
      resource,
      scope: scoped.scope?.name ?? '',
    })),
  );
}

/** @param {{ key: string, value: any }[] | undefined} list @returns {Record<string, AttributeValue>} */
function readAttributes(list) {
  return Object.fromEntries((list ?? []).map(({ key, value }) => [key, readValue(value)]));
}

/** @param {any} value an OTLP AnyValue @returns {AttributeValue} */
function readValue(value) {
  if (value.stringValue !== undefined) return value.stringValue;
  if (value.intValue !== undefined) return Number(value.intValue);
  if (value.boolValue !== undefined) return value.boolValue;
  if (value.doubleValue !== undefined) return value.doubleValue;
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(readValue);
  return null;
}
