// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Container, Logger, loadConfig, ProcessDirectory, type SpanExporter, silentLogger } from '@obi/core';
import { sinks } from '../src/sinks.js';

const directory: ProcessDirectory = { resource: () => undefined };
const made: SpanExporter[] = [];
afterEach(async () => {
  await Promise.all(made.splice(0).map((exporter) => exporter[Symbol.asyncDispose]()));
});

function sinksOf(env: Record<string, string>, processes = directory) {
  const { make, exporterPorts } = sinks(loadConfig({ env }).config, env);
  const container = Container.create().registerValue<ProcessDirectory>(ProcessDirectory, processes).registerValue<Logger>(Logger, silentLogger);
  made.push(...make(container));
  return { exporterPorts, names: made.map((exporter) => exporter.constructor.name) };
}

const ENDPOINT = 'OTEL_EXPORTER_OTLP_ENDPOINT';
const PRINTER = 'OTEL_EBPF_TRACE_PRINTER';

test('nothing said: memory', () => {
  expect(sinksOf({})).toEqual({ exporterPorts: [], names: ['MemoryStore'] });
});

test.each<[string, Record<string, string>, string[]]>([
  ['a receiver', { [ENDPOINT]: 'http://localhost:4318' }, ['OtlpExporter']],
  ['a receiver of traces', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://localhost:4318/v1/traces' }, ['OtlpExporter']],
  ['a printer', { [PRINTER]: 'json' }, ['ConsoleExporter']],
  ['both', { [ENDPOINT]: 'http://localhost:4318', [PRINTER]: 'text' }, ['OtlpExporter', 'ConsoleExporter']],
])('%s, and no memory', (_what, env, names) => {
  expect(sinksOf(env).names).toEqual(names);
});

test.each([
  ['http://localhost:4318', [4318]],
  ['http://127.0.0.1:4318', [4318]],
  ['http://127.1.2.3:4318', [4318]],
  ['http://[::1]:4318', [4318]],
  ['http://localhost', [80]],
  ['https://localhost', [443]],
  ['http://collector.example:4318', []],
  ['http://10.0.0.1:4318', []],
])('the receiver of %s: local ports %j are not to be traced', (endpoint, ports) => {
  expect(sinksOf({ [ENDPOINT]: endpoint }).exporterPorts).toEqual(ports);
});

test('settings of a receiver without its endpoint: nothing is sent, and that is said', () => {
  const headers = { OTEL_EXPORTER_OTLP_HEADERS: 'novalue', OTEL_EXPORTER_OTLP_TIMEOUT: ' ' };
  expect(sinks(loadConfig({ env: {} }).config, headers).warnings).toEqual([
    expect.stringMatching(/^OTEL_EXPORTER_OTLP_HEADERS: without OTEL_EXPORTER_OTLP_ENDPOINT .* nothing is sent/),
  ]);
  expect(sinks(loadConfig({ env: {} }).config, { [ENDPOINT]: 'http://localhost:4318', OTEL_EXPORTER_OTLP_HEADERS: 'a=b' }).warnings).toEqual([]);
  expect(sinks(loadConfig({ env: {} }).config, {}).warnings).toEqual([]);
});

test('what the agent could not flush in time is given up at the end, and counted', async () => {
  const receiver = createServer().listen(0, '127.0.0.1'); // takes requests and never answers
  await once(receiver, 'listening');
  sinksOf({ [ENDPOINT]: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}` }, { resource: () => ({ id: 0, attributes: {} }) });
  const [exporter] = made as [SpanExporter];
  const ids = Buffer.alloc(48, 1);
  exporter.writer.begin(1);
  exporter.writer.ids(ids, 0, 16, 24, 1);
  exporter.writer.times(new DataView(ids.buffer, ids.byteOffset, ids.length), 32, 40);
  exporter.writer.end();
  jest.useFakeTimers();
  let isOver = false;
  void exporter[Symbol.asyncDispose]().then(() => (isOver = true));
  await jest.advanceTimersByTimeAsync(1);
  jest.useRealTimers();
  expect(isOver).toBe(true);
  expect(exporter.stats()).toMatchObject({ spans: 1, dropped: { shutdown: 1 }, heldSpans: 0 });
  receiver.close();
});

test('a certificate that is none is an error of the configuration', () => {
  expect(() => sinksOf({ [ENDPOINT]: 'https://localhost:4318', OTEL_EXPORTER_OTLP_CERTIFICATE: __filename })).toThrow(
    expect.objectContaining({
      code: 'OBI_ERR_CONFIG_INVALID',
      message: expect.stringContaining(`OTEL_EXPORTER_OTLP_CERTIFICATE names ${__filename}: it holds no PEM certificate`),
    }),
  );
});

test('an endpoint that is none is an error, not a run without spans', () => {
  expect(() => sinksOf({ [ENDPOINT]: 'not a url' })).toThrow(/ENDPOINT/);
});
