// SPDX-License-Identifier: Apache-2.0
import { type AgentStatus, attributeKey, Container, type ProcessDirectory, type SpanExporter, SpanExporters, SpanKind } from '@obi/core';
import { MemoryStore } from '@obi/exporter-console';
import { summary } from '../src/summary.js';
import { STATUS, written } from './support/fakes.js';

const directory: ProcessDirectory = { resource: () => ({ id: 0, attributes: { 'service.name': 'shop' } }) };
const container = (...exporters: SpanExporter[]) => Container.create().registerValue<readonly SpanExporter[]>(SpanExporters, exporters);

function store(traces: number): MemoryStore {
  const memory = new MemoryStore({ directory });
  const ids = Buffer.alloc(48);
  const view = new DataView(ids.buffer, ids.byteOffset, ids.length);
  for (let i = 1; i <= traces; i++) {
    ids.writeUInt32BE(i, 12);
    ids.writeUInt32BE(i, 20);
    ids.writeBigUInt64LE(1_000n, 32);
    ids.writeBigUInt64LE(2_000n, 40);
    memory.writer.begin(1);
    memory.writer.kind(SpanKind.SERVER);
    memory.writer.ids(ids, 0, 16, 24, 1);
    memory.writer.times(view, 32, 40);
    memory.writer.name(`GET /${i}`);
    memory.writer.string(attributeKey('a'), 'b');
    memory.writer.end();
  }
  return memory;
}

/** What it wrote to both streams. */
async function shown(exporter: SpanExporter, status: AgentStatus = STATUS) {
  let stderr = '';
  const stdout = await written('stdout', async () => {
    stderr = await written('stderr', () => summary(container(exporter), status));
  });
  return { stdout, stderr };
}

test('the traces of the store, and how to send them elsewhere', async () => {
  const { stdout, stderr } = await shown(store(2));
  expect(stdout).toContain('GET /1');
  expect(stdout).toContain('GET /2');
  expect(stderr).toMatch(/^2 traces\. Set OTEL_EXPORTER_OTLP_ENDPOINT .*\n$/);
});

test('of many, the last 20', async () => {
  const { stdout, stderr } = await shown(store(23));
  expect(stdout.match(/GET \/\d+/g)).toHaveLength(20);
  expect(stdout).not.toMatch(/GET \/3\b/);
  expect(stderr).toContain('23 traces (the last 20 are shown)');
});

test('no trace is said too, and leaves standard output to what the user asked for', async () => {
  expect(await shown(store(0))).toEqual({ stdout: '', stderr: expect.stringMatching(/^0 traces\. /) });
});

test('with another exporter there is nothing to show', async () => {
  const other = { name: 'other' } as SpanExporter;
  expect(await shown(other)).toEqual({ stdout: '', stderr: '' });
});

test('traces that cannot be drawn are lost, counted, and not called shown', async () => {
  const full = jest.spyOn(process.stdout, 'write').mockImplementation((_text, done) => {
    process.nextTick(done as (error: Error) => void, Object.assign(new Error('no space'), { code: 'ENOSPC' }));
    return false;
  });
  const stderr = await written('stderr', () => summary(container(store(23)), STATUS)).finally(() => full.mockRestore());
  expect(stderr).toMatch(/^23 traces\. Set .*\nlost: exporter memory closed_output 20\n$/);
});

test('losses go to standard error; what went well does not', async () => {
  const exporters = { otlp: { spans: 10, exported: 1, dropped: { queue_full: 7 }, failedRequests: 1, heldSpans: 2, heldBytes: 80 } };
  const faults = { core: { short: 0, unknown: 0, thrown: 0 }, http: { short: 1, unknown: 0, thrown: 6 }, bad: { short: 0, unknown: 8, thrown: 0 } };
  const status: AgentStatus = { ...STATUS, counters: { core: { events_lost: 3, parent_thread: 5 }, http: { desync: 2, injected: 4 } }, faults, exporters };
  expect(await written('stderr', () => summary(container({ name: 'otlp' } as SpanExporter), status))).toBe(
    [
      'lost: core events_lost 3',
      'lost: http desync 2',
      'lost: http short_records 1',
      'lost: http decoder_faults 6',
      'lost: bad unknown_records 8',
      'lost: exporter otlp queue_full 7',
      'lost: exporter otlp held 2\n',
    ].join('\n'),
  );
  const well: AgentStatus = { ...STATUS, faults: { core: faults.core }, exporters: { otlp: { ...exporters.otlp, dropped: {}, heldSpans: 0, heldBytes: 0 } } };
  expect(await written('stderr', () => summary(container({ name: 'otlp' } as SpanExporter), well))).toBe('');
  const unknown = { ...STATUS, unknownProcess: 4, strays: 1, missedRuns: { core: { obi_sys_exit: 9, obi_sock_state: 3 }, http: { http_send: 2 } } };
  expect(await written('stderr', () => summary(container({ name: 'otlp' } as SpanExporter), unknown))).toBe(
    'lost: core obi_sys_exit_missed_runs 9\nlost: http http_send_missed_runs 2\nlost: core unknown_process 4\nlost: core stray_records 1\n',
  );
});
