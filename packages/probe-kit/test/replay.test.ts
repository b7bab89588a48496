// SPDX-License-Identifier: Apache-2.0
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  attributeKey,
  Config,
  Container,
  Logger,
  type ProbeDefinition,
  type RecordView,
  Routes,
  type SpanDecoder,
  SpanKind,
  type SpanWriter,
  StatusCode,
} from '@obi/core';
import { bytesOf, readRecordedEvents, recordedEvent, writeRecordedEvents } from '../src/replay/recorded-event.js';
import { RecordingSpanWriter } from '../src/replay/recording-span-writer.js';
import { replay } from '../src/replay/replay.js';
import { testContainer } from '../src/replay/test-container.js';
import { Workshop } from './support/clang.js';

const PATH = attributeKey('url.path');
const SIZE = attributeKey('size');
/** Record: pid u32, pad u32, start u64, end u64, trace 16, span 8, parent 8, then the path. */
const MIN_SIZE = 56;
class PathDecoder implements SpanDecoder {
  count = 0;
  decode({ view, bytes, base, length }: RecordView, span: SpanWriter): void {
    if (!span.begin(view.getUint32(base, true))) return;
    span.kind(SpanKind.CLIENT);
    span.name('GET');
    span.times(view, base + 8, base + 16);
    span.ids(bytes, base + 24, base + 40, base + 48, 1);
    span.text(PATH, bytes, base + MIN_SIZE, base + length);
    span.int(SIZE, ++this.count);
    span.status(StatusCode.ERROR, '500');
    span.end();
  }
}
const definition = (decoder: ProbeDefinition['events'][string]['decoder']): ProbeDefinition => ({
  id: 'sample',
  api: 1,
  events: { sample_event: { digest: '', minSize: MIN_SIZE, decoder } },
});

function record(path: string, parent = 0): Uint8Array {
  const text = new TextEncoder().encode(path);
  const bytes = new Uint8Array(MIN_SIZE + text.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 42, true);
  view.setBigUint64(8, 1_000n, true);
  view.setBigUint64(16, 2_500n, true);
  bytes.fill(0xab, 24, 40).fill(0xcd, 40, 48).fill(parent, 48, 56);
  bytes.set(text, MIN_SIZE);
  return bytes;
}

describe('replay', () => {
  test('returns what the decoder wrote, through one decoder instance', () => {
    expect(replay(definition(PathDecoder), [record('/a'), record('/ü', 0x11)])).toEqual([
      {
        pid: 42,
        kind: 3,
        name: 'GET',
        startNs: 1_000n,
        endNs: 2_500n,
        traceId: 'ab'.repeat(16),
        spanId: 'cd'.repeat(8),
        flags: 1,
        attributes: { 'url.path': '/a', size: 1 },
        status: { code: 2, message: '500' },
      },
      expect.objectContaining({ parentSpanId: '11'.repeat(8), attributes: { 'url.path': '/ü', size: 2 } }),
    ]);
  });

  test('resolves decoders from the container', () => {
    const token = Symbol.for('test.Decoder');
    const container = Container.create().registerValue(token, new PathDecoder());
    expect(replay(definition(token), [record('/c')], container)).toHaveLength(1);
  });

  test('gives decoders a default configuration that this process has no say in, and takes settings', () => {
    process.env.OTEL_EBPF_CONFIG_PATH = '/nonexistent.yaml';
    try {
      expect(testContainer().resolve<Config>(Config).otel_traces_export.sampler.name).toBe('parentbased_always_on');
      expect(testContainer({ 'otel_traces_export.sampler.name': 'always_off' }).resolve<Config>(Config).otel_traces_export.sampler.name).toBe('always_off');
      expect(testContainer().resolve<Logger>(Logger).isEnabled('ERROR')).toBe(false);
      expect(testContainer().resolve<Routes>(Routes).match(new Uint8Array(1), 0, 1)).toBeUndefined();
    } finally {
      delete process.env.OTEL_EBPF_CONFIG_PATH;
    }
  });

  test('a process that is not selected writes nothing', () => {
    expect(replay(definition(PathDecoder), [record('/a')], undefined, { accepts: (pid) => pid !== 42 })).toEqual([]);
  });

  test('refuses short records, unknown events, and plain bytes where they could be either of two', () => {
    const two = {
      ...definition(PathDecoder),
      events: { a: { digest: '', minSize: 1, decoder: PathDecoder }, b: { digest: '', minSize: 1, decoder: PathDecoder } },
    };
    expect(() => replay(definition(PathDecoder), [new Uint8Array(MIN_SIZE - 1)])).toThrow(
      'a sample_event of 55 bytes is shorter than the smallest valid one, 56',
    );
    expect(() => replay(definition(PathDecoder), [{ struct: 'other', kind: 1, hex: '' }])).toThrow('has no decoder for other; it has sample_event');
    expect(() => replay(two, [new Uint8Array(8)])).toThrow('has 2 events');
  });

  test.each<[string, (record: RecordView, span: SpanWriter) => void, string]>([
    ['a span left open', (_, span) => void span.begin(1), 'returned without end or discard'],
    ['a call without span', (_, span) => span.name('x'), 'name: no span is open'],
    ['two begins', (_, span) => [span.begin(1), span.begin(1)], 'begin: the span before'],
    ['text behind the record', ({ bytes }, span) => [span.begin(1), span.text(PATH, bytes, 30, bytes.length + 1)], 'text url.path: range'],
    ['text whose end is before its start', ({ bytes }, span) => [span.begin(1), span.text(PATH, bytes, 30, 29)], 'text url.path: range'],
    ['ids behind the record', ({ bytes }, span) => [span.begin(1), span.ids(bytes, bytes.length - 15, 0, 0, 0)], 'trace id: offset'],
    ['a fraction as integer', (_, span) => [span.begin(1), span.int(SIZE, 0.5)], 'attribute size: value 0.5'],
    [
      'a loop',
      (_, span) => {
        for (;;) span.begin(1) && span.discard();
      },
      'the decoder runs away',
    ],
  ])('%s is found out', (_, decode, message) => {
    const Decoder = class implements SpanDecoder {
      decode(view: RecordView, span: SpanWriter): void {
        decode(view, span);
      }
    };
    expect(() => replay(definition(Decoder), [record('/')])).toThrow(message);
  });

  test('a discarded span is counted and not returned', () => {
    const writer = new RecordingSpanWriter();
    writer.begin(1);
    writer.discard();
    expect([writer.spans, writer.discarded, writer.isOpen]).toEqual([[], 1, false]);
  });
});

describe('recorded events', () => {
  const workshop = new Workshop();
  afterAll(() => workshop.dispose());
  const file = (content: unknown): string => {
    const path = join(workshop.directory, 'events.json');
    writeFileSync(path, JSON.stringify(content));
    return path;
  };

  test('come back from a file as they were written', () => {
    const event = recordedEvent('sample_event', 1, record('/a'));
    expect(bytesOf(event)).toEqual(record('/a'));
    expect(readRecordedEvents(file(event))).toEqual([event]);
    expect(readRecordedEvents(file([event, event]))).toEqual([event, event]);
  });

  test('are written one a line, for nobody else to read', () => {
    const events = [recordedEvent('sample_event', 1, record('/a')), recordedEvent('sample_event', 1, record('/b'))];
    const path = join(workshop.directory, 'written.json');
    writeRecordedEvents(path, events);
    expect(readRecordedEvents(path)).toEqual(events);
    expect(readFileSync(path, 'utf8').trim().split('\n')).toHaveLength(4);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    writeRecordedEvents(path, []);
    expect(readRecordedEvents(path)).toEqual([]);
  });

  test('malformed ones are refused by place', () => {
    expect(() => readRecordedEvents(file([{ struct: 'x', kind: 1 }]))).toThrow('events.json: entry 0 is no recorded event');
    expect(() => bytesOf({ struct: 'x', kind: 1, hex: '0' })).toThrow('recorded x');
    expect(() => bytesOf({ struct: 'x', kind: 1, hex: 'zz' })).toThrow('recorded x');
  });
});
