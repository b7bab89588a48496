// SPDX-License-Identifier: Apache-2.0
/**
 * A real OpenTelemetry Collector receives what the exporter sends and writes it to a file; the file holds every span.
 * OBI_TEST_COLLECTOR is the path of its binary (tools/collector/build.sh builds one and prints its path).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { attributeKey, SpanKind, StatusCode } from '@obi/core';
import { DEFAULT_OTLP_CONFIG, type OtlpConfig } from '../src/config/otlp-config.js';
import { OtlpExporter } from '../src/otlp-exporter.js';
import { clockAt, directoryOf, hexId, recordingLog, resource, writeSpan } from './support/fixtures.js';

const collector = process.env.OBI_TEST_COLLECTOR ?? '';
if (collector === '') console.warn('skipped: set OBI_TEST_COLLECTOR to the path that tools/collector/build.sh prints');

/** A span in the collector's file, which is OTLP's JSON. */
interface FileSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  flags?: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes?: { key: string; value: Record<string, unknown> }[];
  status: { code?: number; message?: string };
  droppedAttributesCount?: number;
  events?: unknown[];
  droppedEventsCount?: number;
  links?: unknown[];
  droppedLinksCount?: number;
}
interface FileLine {
  resourceSpans: {
    resource: { attributes: { key: string; value: { stringValue: string } }[] };
    scopeSpans: { scope: { name: string; version: string }; spans: FileSpan[] }[];
  }[];
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

class Collector implements AsyncDisposable {
  private log = '';
  private constructor(
    private readonly folder: string,
    private readonly child: ChildProcess,
    readonly endpoint: string,
  ) {
    child.stderr?.on('data', (chunk: Buffer) => {
      this.log += chunk.toString();
    });
  }

  static async start(port?: number): Promise<Collector> {
    const http = port ?? (await freePort());
    const folder = mkdtempSync(path.join(tmpdir(), 'obi-collector-'));
    const config = path.join(folder, 'config.json'); // JSON is YAML
    writeFileSync(
      config,
      JSON.stringify({
        receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${http}` } } } },
        exporters: { file: { path: path.join(folder, 'spans.jsonl'), flush_interval: '100ms' } },
        service: { telemetry: { metrics: { level: 'none' } }, pipelines: { traces: { receivers: ['otlp'], exporters: ['file'] } } },
      }),
    );
    const child = spawn(collector, ['--config', config], { stdio: ['ignore', 'ignore', 'pipe'] });
    const started = new Collector(folder, child, `http://127.0.0.1:${http}/v1/traces`);
    await started.until(() => started.log.includes('Everything is ready'));
    return started;
  }

  lines(): FileLine[] {
    const file = path.join(this.folder, 'spans.jsonl');
    if (!existsSync(file)) return [];
    const text = readFileSync(file, 'utf8');
    return text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as FileLine);
  }

  spans(): FileSpan[] {
    return this.lines().flatMap((line) => line.resourceSpans.flatMap((r) => r.scopeSpans.flatMap((s) => s.spans)));
  }

  async until(condition: () => boolean, timeoutMs = 20_000): Promise<void> {
    const end = performance.now() + timeoutMs;
    while (!condition()) {
      if (this.child.exitCode !== null) throw new Error(`the collector exited:\n${this.log}`);
      if (performance.now() > end) throw new Error(`the collector did not do in time what was waited for:\n${this.log}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = new Promise((resolve) => this.child.once('exit', resolve));
    if (this.child.exitCode === null) {
      this.child.kill('SIGTERM');
      await exited;
    }
    rmSync(this.folder, { recursive: true });
  }
}

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const OFFSET = 1_795_000_000_123_456_789n;
const directory = directoryOf({ 1: resource(0, { 'service.name': 'shop' }), 2: resource(1, { 'service.name': 'stock' }) });

function exporterTo(endpoint: string, config: Partial<OtlpConfig> = {}): OtlpExporter {
  return new OtlpExporter({
    config: { ...DEFAULT_OTLP_CONFIG, endpoint, ...config },
    directory,
    log: recordingLog(),
    version: '1.2.3',
    clock: clockAt(OFFSET),
  });
}

(collector === '' ? describe.skip : describe)('a real collector', () => {
  test.each(['none', 'gzip'] as const)(
    'receives every span with every field (compression %s)',
    async (compression) => {
      await using receiver = await Collector.start();
      await using exporter = exporterTo(receiver.endpoint, { compression });
      writeSpan(exporter.writer, 1, { trace: TRACE, span: hexId(1, 8), parent: hexId(9, 8), start: 5n, end: 123_456_789n }, (w) => {
        w.name('GET /Größe 🛒');
        w.kind(SpanKind.SERVER);
        w.string(attributeKey('s'), '');
        w.text(attributeKey('cut'), Buffer.from('caffè').subarray(0, 5), 0, 5);
        w.int(attributeKey('i'), -(2 ** 40));
        w.bool(attributeKey('b'), true);
        w.double(attributeKey('d'), 0.1);
        w.status(StatusCode.ERROR, 'nö');
      });
      for (let i = 2; i <= 5_000; i++)
        writeSpan(exporter.writer, 1 + (i % 2), { trace: TRACE, span: hexId(i, 8) }, (w) =>
          w.string(attributeKey('n'), 'x'.repeat(i === 2 ? 20_000 : i % 300)),
        );
      await exporter.flush(20_000);
      expect(exporter.stats()).toEqual({ spans: 5_000, exported: 5_000, dropped: {}, failedRequests: 0, heldSpans: 0, heldBytes: 0 });
      await receiver.until(() => receiver.spans().length >= 5_000);

      const spans = receiver.spans();
      expect(spans.map((span) => span.spanId).sort()).toEqual(Array.from({ length: 5_000 }, (_, i) => hexId(i + 1, 8)));
      expect(spans.find((span) => span.spanId === hexId(1, 8))).toEqual({
        traceId: TRACE,
        spanId: hexId(1, 8),
        parentSpanId: hexId(9, 8),
        flags: 1,
        name: 'GET /Größe 🛒',
        kind: 2,
        startTimeUnixNano: String(OFFSET + 5n),
        endTimeUnixNano: String(OFFSET + 123_456_789n),
        attributes: [
          { key: 's', value: { stringValue: '' } },
          { key: 'cut', value: { stringValue: 'caff\ufffd' } },
          { key: 'i', value: { intValue: String(-(2 ** 40)) } },
          { key: 'b', value: { boolValue: true } },
          { key: 'd', value: { doubleValue: 0.1 } },
        ],
        status: { code: 2, message: 'nö' },
      });
      const scopes = new Set(
        receiver.lines().flatMap((line) => line.resourceSpans.flatMap((r) => r.scopeSpans.map((s) => `${s.scope.name} ${s.scope.version}`))),
      );
      expect(scopes).toEqual(new Set(['obi 1.2.3']));
      const services = new Set(receiver.lines().flatMap((line) => line.resourceSpans.map((r) => r.resource.attributes[0]?.value.stringValue)));
      expect(services).toEqual(new Set(['shop', 'stock']));
    },
    60_000,
  );

  test('receives what programs say in spans of their own', async () => {
    await using receiver = await Collector.start();
    await using exporter = exporterTo(receiver.endpoint);
    const attributes = [['größe', [1n, -(2n ** 63n)]]] as const;
    writeSpan(exporter.writer, 1, { trace: TRACE, span: hexId(1, 8) }, (w) => {
      w.attribute('double', 2);
      w.attribute('texts', ['a', '']);
      w.event({ timeUnixNano: 1_700_000_000_123_456_789n, name: 'exception', attributes, droppedAttributes: 1 });
      w.link({ traceId: TRACE, spanId: hexId(2, 8), traceState: 'a=1', flags: 1, attributes, droppedAttributes: 2 });
      w.dropped({ attributes: 3, events: 4, links: 5 });
    });
    await exporter.flush(20_000);
    await receiver.until(() => receiver.spans().length >= 1);
    const list = [{ key: 'größe', value: { arrayValue: { values: [{ intValue: '1' }, { intValue: '-9223372036854775808' }] } } }];
    expect(receiver.spans()).toMatchObject([
      {
        attributes: [
          { key: 'double', value: { doubleValue: 2 } },
          { key: 'texts', value: { arrayValue: { values: [{ stringValue: 'a' }, { stringValue: '' }] } } },
        ],
        events: [{ timeUnixNano: '1700000000123456789', name: 'exception', attributes: list, droppedAttributesCount: 1 }],
        links: [{ traceId: TRACE, spanId: hexId(2, 8), traceState: 'a=1', flags: 1, attributes: list, droppedAttributesCount: 2 }],
        droppedAttributesCount: 3,
        droppedEventsCount: 4,
        droppedLinksCount: 5,
      },
    ]);
  }, 60_000);

  test('spans written before the collector starts arrive when it does', async () => {
    const port = await freePort();
    await using exporter = exporterTo(`http://127.0.0.1:${port}/v1/traces`, { retry: { initialMs: 100, maxMs: 500, giveUpAfterMs: 60_000 } });
    for (let i = 1; i <= 2_000; i++) writeSpan(exporter.writer, 1, { trace: TRACE, span: hexId(i, 8) });
    await exporter.flush(300);
    expect(exporter.stats()).toMatchObject({ exported: 0, heldSpans: 2_000, dropped: {} });
    await using receiver = await Collector.start(port);
    await exporter.flush(20_000);
    await receiver.until(() => receiver.spans().length >= 2_000);
    expect(new Set(receiver.spans().map((span) => span.spanId)).size).toBe(2_000);
    expect(exporter.stats()).toMatchObject({ exported: 2_000, dropped: {} });
  }, 60_000);
});
