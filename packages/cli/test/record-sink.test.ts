// SPDX-License-Identifier: Apache-2.0
import type { ProcessDirectory, RecordView } from '@obi/core';
import { recordedEvent } from '@obi/probe-kit';
import { RecordSink } from '../src/commands/record-sink.js';

const directory = { resource: (pid: number) => (pid === 42 ? {} : undefined) } as unknown as ProcessDirectory;

/** Three bytes in the middle of a batch. */
function view(): RecordView {
  const bytes = Uint8Array.of(9, 9, 1, 2, 3, 9);
  return { view: new DataView(bytes.buffer), bytes, base: 2, length: 3 };
}

function sink(options: { limit?: number; probe?: string } = {}) {
  const onFull = jest.fn();
  return { onFull, made: new RecordSink({ directory, kit: { recordedEvent }, limit: 10, onFull, ...options }) };
}

test('keeps a copy of the record’s bytes', () => {
  const { made } = sink();
  const record = view();
  made.writer.record('http', 'http_exchange_event', 1, record);
  record.bytes.fill(0);
  expect(made.events).toEqual([{ struct: 'http_exchange_event', kind: 1, hex: '010203' }]);
  expect(made.stats()).toMatchObject({ spans: 1, exported: 1, dropped: {} });
});

test('of one probe only, and never core’s own', () => {
  const one = sink({ probe: 'redis' }).made;
  const all = sink().made;
  for (const { writer } of [one, all]) for (const probe of ['http', 'redis', 'core']) writer.record(probe, `${probe}_event`, 1, view());
  expect(one.events.map(({ struct }) => struct)).toEqual(['redis_event']);
  expect(all.events.map(({ struct }) => struct)).toEqual(['http_event', 'redis_event']);
});

test('says once that it is full, and keeps no more', () => {
  const { made, onFull } = sink({ limit: 2 });
  for (let i = 0; i < 4; i++) made.writer.record('http', 'e', 1, view());
  expect(onFull).toHaveBeenCalledTimes(1);
  expect(made.events).toHaveLength(2);
});

test('decoders run as in any run', () => {
  const { writer } = sink().made;
  expect([writer.begin(42), writer.begin(1)]).toEqual([true, false]);
});
