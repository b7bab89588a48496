// SPDX-License-Identifier: Apache-2.0
/**
 * The whole exporter, record to acknowledged POST: spans per second of this process's CPU, and its memory. The receiver is a
 * process of its own that throws everything away.
 * Run: npm run build -w @obi/exporter-otlp && node packages/exporter-otlp/bench/send.mjs
 */
import { fork } from 'node:child_process';
import http from 'node:http';
import { attributeKey, SpanKind } from '@obi/core';
import { DEFAULT_OTLP_CONFIG, OtlpExporter } from '@obi/exporter-otlp';

if (process.argv[2] === 'receiver') {
  const server = http.createServer((request, response) => request.resume().on('end', () => response.end()));
  server.listen(0, '127.0.0.1', () => process.send(server.address().port));
  process.on('disconnect', () => process.exit());
} else {
  const receiver = fork(new URL(import.meta.url).pathname, ['receiver']);
  const port = await new Promise((resolve) => receiver.once('message', resolve));
  await measure(`http://127.0.0.1:${port}/v1/traces`);
  receiver.disconnect();
}

async function measure(endpoint) {
  const resource = { id: 0, attributes: { 'service.name': 'shop', 'process.pid': 42 } };
  const log = { debug() {}, info: console.log, warn: console.log, error: console.log };
  const exporter = new OtlpExporter({ config: { ...DEFAULT_OTLP_CONFIG, endpoint }, directory: { resource: () => resource }, log, version: '0.1.0' });
  const { writer } = exporter;
  const bytes = Buffer.alloc(64, 7);
  const text = Buffer.from('/api/v1/orders/100001/items');
  const view = new DataView(bytes.buffer, bytes.byteOffset, 64);
  const keys = Array.from({ length: 9 }, (_, i) => attributeKey(`http.attribute.${i}`));
  const write = () => {
    writer.begin(42);
    writer.kind(SpanKind.SERVER);
    writer.ids(bytes, 0, 16, 24, 1);
    writer.times(view, 32, 40);
    writer.name('GET');
    for (const key of keys) writer.text(key, text, 0, 12);
    writer.end();
  };
  const SPANS = 3_000_000;
  const before = process.cpuUsage();
  const begun = performance.now();
  for (let i = 0; i < SPANS; ) {
    for (const end = Math.min(SPANS, i + 1024); i < end; i++) write();
    exporter.tick();
    // As the ring reader does between batches; longer when the receiver is behind, so that nothing is dropped.
    await new Promise(setImmediate);
    while (exporter.stats().heldBytes > 1024 * 1024) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await exporter.flush(10_000);
  const { user, system } = process.cpuUsage(before);
  const { exported, dropped } = exporter.stats();
  console.log(`Node ${process.version}: ${exported} spans acknowledged, dropped ${JSON.stringify(dropped)}`);
  console.log(
    `${(exported / (user + system)).toFixed(2)} M spans per CPU-second (${((100 * system) / (user + system)).toFixed(0)} % of it in the kernel), ${(exported / (performance.now() - begun) / 1000).toFixed(2)} M per second; RSS at most ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`,
  );
  await exporter[Symbol.asyncDispose]();
}
