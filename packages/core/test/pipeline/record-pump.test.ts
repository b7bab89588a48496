// SPDX-License-Identifier: Apache-2.0
import { RecordPump } from '../../src/pipeline/record-pump.js';
import type { RecordView, SpanWriter } from '../../src/span/span-writer.js';

/** One record as the ring reader delivers it. */
function record(slot: number, kind: number, length = 16): Buffer {
  const bytes = Buffer.alloc(8 + ((length + 7) & ~7));
  bytes.writeUInt32LE(length, 0);
  bytes.writeUInt16LE(slot, 8);
  bytes.writeUInt16LE(kind, 10);
  return bytes;
}

function pump() {
  const reports: unknown[][] = [];
  const seen: number[] = [];
  let discarded = 0;
  const made = new RecordPump({ discard: () => void discarded++ } as unknown as SpanWriter, (...report) => reports.push(report));
  made.add(1, 'good', 7, { event: 'good_event', minSize: 16, handle: ({ base }) => void seen.push(base) });
  made.add(2, 'bad', 7, {
    event: 'bad_event',
    minSize: 16,
    handle: () => {
      throw new Error('boom');
    },
  });
  const push = (...records: Buffer[]) => {
    const batch = Buffer.concat(records);
    made.push(batch, batch.length);
  };
  return { made, push, reports, seen, discarded: () => discarded };
}

test('a decoder that throws: its span is discarded, reported once as OBI_ERR_PROBE_DECODER, the other records go on', () => {
  const { made, push, reports, seen, discarded } = pump();
  push(record(2, 7), record(1, 7), record(2, 7));
  expect(seen).toHaveLength(1);
  expect(discarded()).toBe(2);
  expect(made.faults()['bad']).toEqual({ short: 0, unknown: 0, thrown: 2 });
  expect(reports).toHaveLength(1);
  expect(reports[0]?.[2]).toMatchObject({ code: 'OBI_ERR_PROBE_DECODER', message: expect.stringContaining('its decoder of bad_event threw: boom') });
});

test('records that nobody can take are counted: of no probe, of an unknown kind, too short', () => {
  const { made, push } = pump();
  push(record(3, 7), record(1, 8), record(1, 7, 12), record(1, 7, 4));
  expect(made.records).toBe(4);
  expect(made.strays).toBe(2);
  expect(made.faults()['good']).toEqual({ short: 1, unknown: 1, thrown: 0 });
});

test('a writer that wants the records gets each one that a decoder gets, before it', () => {
  const order: string[] = [];
  const writer = {
    discard: () => order.push('discarded'),
    record: (probe: string, event: string, kind: number, { base, length }: RecordView) => order.push(`${probe} ${event} ${kind} ${base} ${length}`),
  };
  const made = new RecordPump(writer as unknown as SpanWriter, () => {});
  made.add(1, 'good', 7, { event: 'good_event', minSize: 16, handle: () => void order.push('decoded') });
  made.add(2, 'bad', 7, {
    event: 'bad_event',
    minSize: 16,
    handle: () => {
      throw new Error('boom');
    },
  });
  const batch = Buffer.concat([record(1, 7), record(1, 7, 12), record(1, 8), record(3, 7), record(2, 7, 24)]);
  made.push(batch, batch.length);
  expect(order).toEqual(['good good_event 7 8 16', 'decoded', `bad bad_event 7 ${batch.length - 24} 24`, 'discarded']);
});

test('taps that are added get the same, whatever the writer is', () => {
  const { made, push } = pump();
  const seen: string[] = [];
  for (const name of ['one', 'two']) made.tap({ record: (probe, event, kind, { length }) => void seen.push(`${name}: ${probe} ${event} ${kind} ${length}`) });
  push(record(1, 7), record(1, 8), record(1, 7, 12));
  expect(seen).toEqual(['one: good good_event 7 16', 'two: good good_event 7 16']);
});

test('what decoders count themselves is shown by probe, as far as it is not 0', () => {
  const made = new RecordPump({} as SpanWriter, () => {});
  const counters = { malformed: 0, other: 0 };
  made.add(1, 'good', 7, { event: 'good_event', minSize: 16, handle: () => void counters.malformed++, counters });
  made.add(1, 'good', 8, { event: 'plain_event', minSize: 16, handle: () => {} });
  expect(made.counters()).toEqual({});
  made.push(record(1, 7), 24);
  expect(made.counters()).toEqual({ good: { malformed: 1 } });
});
