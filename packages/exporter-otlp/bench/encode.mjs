// SPDX-License-Identifier: Apache-2.0
/**
 * Spans per second of CPU, record to request bytes, for this exporter and for OpenTelemetry JS's own serializer, in one run
 * and on the same records: the ratio carries over to other machines, the absolute figures do not.
 * Run: npm run bench -w @obi/exporter-otlp
 */
import { attributeKey, SpanKind, StatusCode, UnixClock } from '@obi/core/probe';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { encodeScope } from '../dist/encode/encode-resource.js';
import { OtlpSpanWriter } from '../dist/encode/otlp-span-writer.js';
import { SpanBatch } from '../dist/encode/span-batch.js';

const RECORD_BYTES = 304;
const BATCH = 512;
const RECORDS = 4096;

// A drained batch: ids at 0, times at 40, port and status at 56, then host, path, user agent and peer as text.
const drained = Buffer.alloc(RECORD_BYTES * RECORDS);
for (let i = 0; i < RECORDS; i++) {
  const base = i * RECORD_BYTES;
  for (let b = 0; b < 40; b++) drained[base + b] = (i * 31 + b * 17 + 1) & 0xff;
  drained.writeBigUInt64LE(1_000_000_000n * BigInt(i), base + 40);
  drained.writeBigUInt64LE(1_000_000_000n * BigInt(i) + 1_234_567n, base + 48);
  drained.writeUInt16LE(8080, base + 56);
  drained.writeUInt16LE(200, base + 58);
  drained.write('shop.example.internal', base + 64);
  drained.write(`/api/v1/orders/${100000 + i}/items`, base + 96);
  drained.write('Mozilla/5.0 (X11; Linux x86_64)', base + 160);
  drained.write('10.132.7.19', base + 224);
}
const view = new DataView(drained.buffer, drained.byteOffset, drained.length);

const names = [
  'http.request.method',
  'url.scheme',
  'server.address',
  'server.port',
  'url.path',
  'user_agent.original',
  'client.address',
  'http.response.status_code',
  'network.protocol.version',
];
const [METHOD, SCHEME, ADDRESS, PORT, PATH, AGENT, CLIENT, STATUS, VERSION] = names.map(attributeKey);
const attributes = { 'service.name': 'shop', 'process.pid': 42, 'process.executable.path': '/usr/bin/python3.12', 'host.name': 'node-17' };

const scope = encodeScope('obi', '0.1.0');
let sink = 0;

function direct(spans) {
  const resource = { id: 0, attributes };
  const batch = new SpanBatch({ maxSpans: BATCH, maxBytes: 1 << 20, scope, onFull: () => sent(batch.take().body) });
  const sent = (body) => {
    sink += body.length;
    batch.bodies.give(body);
  };
  const writer = new OtlpSpanWriter({ resource: () => resource }, batch, new UnixClock());
  return () => {
    for (let i = 0; i < spans; i++) {
      const base = (i % RECORDS) * RECORD_BYTES;
      if (!writer.begin(42)) continue;
      writer.kind(SpanKind.SERVER);
      writer.ids(drained, base, base + 16, base + 24, 1);
      writer.times(view, base + 40, base + 48);
      writer.name('GET');
      writer.string(METHOD, 'GET');
      writer.string(SCHEME, 'http');
      writer.text(ADDRESS, drained, base + 64, base + 85);
      writer.int(PORT, view.getUint16(base + 56, true));
      writer.text(PATH, drained, base + 96, base + 123);
      writer.text(AGENT, drained, base + 160, base + 191);
      writer.text(CLIENT, drained, base + 224, base + 235);
      writer.int(STATUS, view.getUint16(base + 58, true));
      writer.string(VERSION, '1.1');
      writer.end();
    }
  };
}

function openTelemetryJs(spans) {
  const resource = resourceFromAttributes(attributes);
  const instrumentationScope = { name: 'obi', version: '0.1.0' };
  const offset = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
  const hrTime = (at) => {
    const nanos = view.getBigUint64(at, true) + offset;
    return [Number(nanos / 1_000_000_000n), Number(nanos % 1_000_000_000n)];
  };
  const text = (from, to) => drained.toString('utf8', from, to);
  return () => {
    let batch = [];
    for (let i = 0; i < spans; i++) {
      const base = (i % RECORDS) * RECORD_BYTES;
      const context = { traceId: drained.toString('hex', base, base + 16), spanId: drained.toString('hex', base + 16, base + 24), traceFlags: 1 };
      batch.push({
        name: 'GET',
        kind: 1,
        spanContext: () => context,
        parentSpanContext: { traceId: context.traceId, spanId: drained.toString('hex', base + 24, base + 32), traceFlags: 1 },
        startTime: hrTime(base + 40),
        endTime: hrTime(base + 48),
        duration: [0, 0],
        status: { code: StatusCode.UNSET },
        attributes: {
          'http.request.method': 'GET',
          'url.scheme': 'http',
          'server.address': text(base + 64, base + 85),
          'server.port': view.getUint16(base + 56, true),
          'url.path': text(base + 96, base + 123),
          'user_agent.original': text(base + 160, base + 191),
          'client.address': text(base + 224, base + 235),
          'http.response.status_code': view.getUint16(base + 58, true),
          'network.protocol.version': '1.1',
        },
        links: [],
        events: [],
        ended: true,
        resource,
        instrumentationScope,
        droppedAttributesCount: 0,
        droppedEventsCount: 0,
        droppedLinksCount: 0,
      });
      if (batch.length === BATCH) {
        sink += ProtobufTraceSerializer.serializeRequest(batch).length;
        batch = [];
      }
    }
  };
}

/** Spans per second of CPU time of the whole process: garbage collection on helper threads counts. Median of the rounds. */
function measure(make, spans, rounds = 7) {
  make(spans)();
  const rates = [];
  let bytes = 0;
  for (let i = 0; i < rounds; i++) {
    const run = make(spans);
    sink = 0;
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    bytes = sink / (Math.floor(spans / BATCH) * BATCH);
    rates.push((spans / (user + system)) * 1e6);
  }
  return { rate: rates.sort((a, b) => a - b)[rounds >> 1], bytes };
}

const ours = measure(direct, 1_024_000);
const theirs = measure(openTelemetryJs, 51_200);
const row = (name, { rate, bytes }) =>
  console.log(`${name.padEnd(34)} ${(rate / 1e6).toFixed(3).padStart(7)} M spans per CPU-second   ${bytes.toFixed(0)} B per span`);
console.log(`Node ${process.version}, 9 attributes, batches of ${BATCH}`);
row('exporter-otlp, direct writer', ours);
row('OpenTelemetry JS, otlp-transformer', theirs);
console.log(`ratio ${(ours.rate / theirs.rate).toFixed(1)}`);
