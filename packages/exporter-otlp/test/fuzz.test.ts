// SPDX-License-Identifier: Apache-2.0
/** Random spans, written and decoded again by the independent decoder: what goes in comes out. */
import { attributeKey, type SpanKind, type SpanWriter, type StatusCode } from '@obi/core';
import { encodeScope } from '../src/encode/encode-resource.js';
import { OtlpSpanWriter } from '../src/encode/otlp-span-writer.js';
import { SpanBatch } from '../src/encode/span-batch.js';
import { clockAt, directoryOf, record, resource } from './support/fixtures.js';
import { type DecodedSpan, type DecodedValue, decodeRequest } from './support/otlp-decoder.js';

/** A small seeded generator (an LCG), so that a failure can be repeated. */
class Random {
  constructor(private state: number) {}
  /** 0 ≤ result < limit */
  below(limit: number): number {
    this.state = (Math.imul(this.state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.state / 2 ** 32) * limit);
  }
  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }
  bytes(size: number): Buffer {
    return Buffer.from(Array.from({ length: size }, () => this.below(256)));
  }
  text(): string {
    const alphabet = this.pick(['abcXYZ/ -', 'abc', 'aé', 'ß日🛒x', '\0\x7f\n"']);
    const size = this.pick([0, 1, this.below(10), this.below(130), this.below(300)]);
    const characters = [...alphabet];
    return Array.from({ length: size }, () => this.pick(characters)).join('');
  }
}

const OFFSET = 0x18f1_2345_ffff_fff0n;
const keys = Array.from({ length: 20 }, (_, i) => attributeKey(`key.${'k'.repeat(i * 9)}${i % 3 === 0 ? 'é' : ''}`));

function writeRandomSpan(random: Random, writer: SpanWriter, pid: number): DecodedSpan {
  const trace = random.bytes(16).toString('hex');
  const span = random.bytes(8).toString('hex');
  const parent = random.pick(['', random.bytes(8).toString('hex')]);
  const [start, end] = [random.bytes(7).readUIntLE(0, 6), random.bytes(7).readUIntLE(0, 6)].map(BigInt) as [bigint, bigint];
  const { bytes, view } = record({ trace, span, parent, start, end });
  const expected: DecodedSpan = {
    traceId: trace,
    spanId: span,
    parentSpanId: parent,
    name: '',
    kind: 0,
    start: start + OFFSET,
    end: end + OFFSET,
    attributes: [],
    status: undefined,
    flags: random.below(4),
  };

  const attribute = (): void => {
    const key = random.pick(keys);
    const write: Record<string, () => DecodedValue> = {
      string: () => {
        const value = random.text();
        writer.string(key, value);
        return value;
      },
      text: () => {
        const raw = random.pick([random.bytes(random.below(60)), Buffer.from(random.text())]);
        const start = random.below(4);
        writer.text(key, Buffer.concat([random.bytes(start), raw, random.bytes(3)]), start, start + raw.length);
        return new TextDecoder('utf-8', { ignoreBOM: true }).decode(raw);
      },
      int: () => {
        const value = Math.trunc((random.below(2) - 0.5) * 2 * 2 ** random.below(53)) + random.below(100);
        writer.int(key, value);
        return BigInt(value);
      },
      bool: () => {
        const value = random.below(2) === 1;
        writer.bool(key, value);
        return value;
      },
      double: () => {
        const value = (random.below(1e9) - 5e8) / 997;
        writer.double(key, value);
        return value;
      },
    };
    expected.attributes.push([key.name, (write[random.pick(Object.keys(write))] as () => DecodedValue)()]);
  };
  const steps: (() => void)[] = [
    () => writer.ids(bytes, 0, 16, 24, expected.flags),
    () => writer.times(view, 32, 40),
    () => {
      expected.name = random.text();
      writer.name(expected.name);
    },
    () => {
      expected.kind = 1 + random.below(5);
      writer.kind(expected.kind as SpanKind);
    },
    () => {
      const message = random.pick(['', random.text()]);
      const code = random.below(3) as StatusCode;
      writer.status(code, message);
      expected.status = { code, message };
    },
    ...Array.from({ length: random.below(12) }, () => attribute),
  ];
  writer.begin(pid);
  while (steps.length > 0) steps.splice(random.below(steps.length), 1)[0]?.();
  writer.end();
  return expected;
}

test.each([1, 2, 3, 4])('random spans survive (seed %i)', (seed) => {
  const random = new Random(seed);
  const directory = directoryOf(Object.fromEntries([0, 1, 2].map((id) => [id, resource(id, { id: String(id) })])));
  const batch = new SpanBatch({ maxSpans: 1e9, maxBytes: 1e9, scope: encodeScope('obi', '0'), onFull: () => undefined });
  const writer = new OtlpSpanWriter(directory, batch, clockAt(OFFSET));
  for (let round = 0; round < 15; round++) {
    const expected: Record<string, DecodedSpan[]> = {};
    for (let i = random.below(40); i >= 0; i--) {
      const pid = random.below(3);
      expected[pid] ??= [];
      expected[pid].push(writeRandomSpan(random, writer, pid));
      if (random.below(5) === 0) {
        writer.begin(pid);
        writer.name('thrown away');
        if (random.below(2) === 0) writer.discard();
      }
    }
    const decoded = Object.fromEntries(decodeRequest(batch.take()?.body ?? new Uint8Array()).map((r) => [r.attributes.id, r.spans]));
    expect(decoded).toEqual(expected);
  }
});
