// SPDX-License-Identifier: Apache-2.0
import { RecordRing } from '../../src/explain/record-ring.js';
import type { RecordView } from '../../src/span/span-writer.js';

/** A record whose first four bytes are its number, somewhere inside a batch. */
function numbered(number: number, length: number): RecordView {
  const bytes = Buffer.alloc(length + 24, 0xee);
  bytes.writeUInt32LE(number, 16);
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), base: 16, length };
}

function contents(ring: RecordRing): { number: number; length: number }[] {
  const found: { number: number; length: number }[] = [];
  ring.scan(({ view, base, length }) => {
    found.push({ number: view.getUint32(base, true), length });
    return false;
  });
  return found;
}

test('an empty one holds nothing and says that it reaches nowhere', () => {
  const ring = new RecordRing(1 << 20);
  expect(contents(ring)).toEqual([]);
  expect(ring.state()).toEqual({ records: 0, bytes: 0, capacityBytes: 1 << 20, since: undefined });
});

test('a record comes back byte by byte, and is a copy', () => {
  const ring = new RecordRing(4096);
  const original = Buffer.from('0123456789abcdef');
  ring.push({ bytes: original, view: new DataView(original.buffer, original.byteOffset, original.length), base: 4, length: 8 });
  original.fill(0);
  const seen: string[] = [];
  ring.scan(({ bytes, base, length }) => seen.push(Buffer.from(bytes.subarray(base, base + length)).toString()) > 1);
  expect(seen).toEqual(['456789ab']);
});

test.each([1000, 4096, 100_000, 1 << 20])('%d bytes are never exceeded, and what is left are the newest, without a gap', (capacity) => {
  const ring = new RecordRing(capacity);
  const lengths = Array.from({ length: 5000 }, (_, number) => 4 + ((number * 7919) % 200));
  for (const [number, length] of lengths.entries()) {
    ring.push(numbered(number, length));
    if (number % 97 === 0) expect(ring.state().bytes).toBeLessThanOrEqual(capacity);
  }
  const held = contents(ring).sort((one, other) => one.number - other.number);
  const oldest = held[0]?.number ?? Number.NaN;
  expect(held).toEqual(lengths.slice(oldest).map((length, index) => ({ number: oldest + index, length })));
  const { records, bytes, capacityBytes } = ring.state();
  expect(records).toBe(held.length);
  expect(capacityBytes).toBeLessThanOrEqual(capacity);
  // of a full one at least half is in use
  const pushed = lengths.reduce((sum, length) => sum + length, 0);
  expect(bytes).toBeGreaterThan(pushed > capacity ? capacity / 2 : pushed);
});

test('the newest part comes first, and a visit can stop the scan', () => {
  const ring = new RecordRing(4096); // four chunks of 1024
  for (let number = 0; number < 30; number++) ring.push(numbered(number, 96));
  const order = contents(ring).map(({ number }) => number);
  expect(order.slice(0, 10)).toEqual([20, 21, 22, 23, 24, 25, 26, 27, 28, 29]);
  let visits = 0;
  ring.scan(() => ++visits === 3);
  expect(visits).toBe(3);
});

test('a record that is too large is left out, the others stay', () => {
  const ring = new RecordRing(4096);
  ring.push(numbered(1, 100));
  ring.push(numbered(2, 1021));
  ring.push(numbered(3, 1020));
  expect(contents(ring).map(({ number }) => number)).toEqual([3, 1]);
});

test('it says since when it has records: since the oldest one that is left', () => {
  jest.useFakeTimers({ now: 1000 });
  try {
    const ring = new RecordRing(4096);
    for (let number = 0; number < 60; number++) {
      jest.setSystemTime(1000 + number);
      ring.push(numbered(number, 96));
    }
    const oldest = Math.min(...contents(ring).map(({ number }) => number));
    expect(oldest).toBeGreaterThan(0);
    expect(ring.state().since).toBe(1000 + oldest);
  } finally {
    jest.useRealTimers();
  }
});
