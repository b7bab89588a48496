// SPDX-License-Identifier: Apache-2.0
/**
 * Exchange records → spans, per second of CPU: into the OTLP exporter's writer, which keeps bytes, and into a writer that makes a
 * plain object per span, which is where most of the work of other designs begins. Same records, same decoder, one run: the
 * ratio carries over to other machines, the absolute figures do not.
 * Run: npm run build && node packages/probe-http/bench/decode.mjs
 */
import { Config, Container, loadConfig, Routes } from '@obi/core';
import { HttpExchangeDecoder } from '@obi/probe-http';
import { encodeScope } from '../../exporter-otlp/dist/encode/encode-resource.js';
import { OtlpSpanWriter } from '../../exporter-otlp/dist/encode/otlp-span-writer.js';
import { SpanBatch } from '../../exporter-otlp/dist/encode/span-batch.js';
import { UnixClock } from '../../exporter-otlp/dist/encode/unix-clock.js';
import { httpExchangeEvent as event, HttpRole } from '../dist/generated/http.events.js';

const RECORDS = 4096;
const BATCH = 512;
const ROUNDS = 7;

/** One exchange as the kernel sends it: half of them of servers, half of clients. */
function record(i, query) {
  const line = Buffer.from(`GET /api/v1/orders/${100_000 + i}/items${query} HTTP/1.1`);
  const host = Buffer.from('shop.example.internal:8080');
  const { offset } = event;
  const bytes = Buffer.alloc((offset.line + line.length + 7) & ~7);
  for (let b = offset.traceTraceId; b < offset.traceFlags; b++) bytes[b] = (i * 31 + b * 17 + 1) & 0xff;
  bytes[offset.traceFlags] = 1;
  for (const end of [offset.tupleLocal, offset.tupleRemote]) Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, i % 200]).copy(bytes, end);
  bytes.writeUInt16LE(8080, offset.tupleLocalPort);
  bytes.writeUInt16LE(40_000 + i, offset.tupleRemotePort);
  bytes.writeBigUInt64LE(1_000_000_000n * BigInt(i), offset.startNs);
  bytes.writeBigUInt64LE(1_000_000_000n * BigInt(i) + 1_234_567n, offset.endNs);
  bytes.writeBigUInt64LE(512n, offset.responseBytes);
  bytes.writeUInt32LE(42, offset.tgid);
  bytes.writeUInt16LE(200, offset.status);
  bytes.writeUInt8(i % 2 ? HttpRole.CLIENT : HttpRole.SERVER, offset.role);
  bytes.writeUInt8(60, offset.flags); // whole
  bytes.writeUInt8(1, offset.minor);
  bytes.writeUInt8(host.length, offset.hostLen);
  bytes.writeUInt16LE(line.length, offset.lineLen);
  host.copy(bytes, offset.host);
  line.copy(bytes, offset.line);
  return { bytes, length: offset.line + line.length };
}

/** Records back to back, as a drained batch holds them. */
function drained(query) {
  const made = Array.from({ length: RECORDS }, (_, i) => record(i, query));
  const bytes = Buffer.concat(made.map((one) => one.bytes));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let base = 0;
  return made.map(({ bytes: { length: padded }, length }) => {
    const at = base;
    base += padded;
    return { view, bytes, base: at, length };
  });
}

let sink = 0;

function otlpWriter() {
  const batch = new SpanBatch({ maxSpans: BATCH, maxBytes: 1 << 20, scope: encodeScope('obi', '0.1.0'), onFull: () => sent(batch.take().body) });
  const sent = (body) => {
    sink += body.length;
    batch.bodies.give(body);
  };
  const resource = { id: 0, attributes: { 'service.name': 'shop', 'process.pid': 42 } };
  return new OtlpSpanWriter({ resource: () => resource }, batch, new UnixClock());
}

/** One object per span, 512 of them alive at a time. */
class ObjectWriter {
  spans = [];
  begin(pid) {
    this.span = { pid, attributes: {} };
    return true;
  }
  kind(kind) {
    this.span.kind = kind;
  }
  ids(bytes, traceId, spanId, parentSpanId, flags) {
    this.span.traceId = bytes.toString('hex', traceId, traceId + 16);
    this.span.spanId = bytes.toString('hex', spanId, spanId + 8);
    this.span.parentSpanId = bytes.toString('hex', parentSpanId, parentSpanId + 8);
    this.span.flags = flags;
  }
  times(view, start, end) {
    this.span.start = view.getBigUint64(start, true);
    this.span.end = view.getBigUint64(end, true);
  }
  name(value) {
    this.span.name = value;
  }
  string(key, value) {
    this.span.attributes[key.name] = value;
  }
  text(key, bytes, start, end) {
    this.span.attributes[key.name] = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8', start, end);
  }
  int(key, value) {
    this.span.attributes[key.name] = value;
  }
  status(code) {
    this.span.status = code;
  }
  end() {
    this.spans.push(this.span);
    if (this.spans.length < BATCH) return;
    sink += this.spans.length;
    this.spans = [];
  }
}

const container = Container.create()
  .registerValue(Config, loadConfig({ env: {} }).config)
  .registerValue(Routes, { match: () => ({ name: '/api/v1/orders/:id/items' }) });

/** Spans per second of CPU of the whole process, garbage collection on helper threads included: the median of the rounds. */
function measure(records, makeWriter) {
  const spans = RECORDS * 64;
  const rates = [];
  for (let round = -1; round < ROUNDS; round++) {
    const decoder = container.resolve(HttpExchangeDecoder);
    const writer = makeWriter();
    const before = process.cpuUsage();
    for (let i = 0; i < spans; i++) decoder.decode(records[i % RECORDS], writer);
    const { user, system } = process.cpuUsage(before);
    if (round >= 0) rates.push((spans / (user + system)) * 1e6);
  }
  return rates.sort((a, b) => a - b)[ROUNDS >> 1];
}

console.log(`Node ${process.version}; servers and clients by turns; ${ROUNDS} rounds, the median`);
for (const [what, query] of [
  ['no query', ''],
  ['a query', '?page=2&sort=date'],
]) {
  const records = drained(query);
  const direct = measure(records, otlpWriter);
  const objects = measure(records, () => new ObjectWriter());
  const show = (rate) => `${(rate / 1e6).toFixed(2)} M`;
  console.log(`${what.padEnd(9)} OTLP bytes ${show(direct)} spans per CPU second, objects alone ${show(objects)}; ratio ${(direct / objects).toFixed(1)}`);
}
if (sink === 0) throw new Error('nothing was written');
