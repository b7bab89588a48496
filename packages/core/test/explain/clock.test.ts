// SPDX-License-Identifier: Apache-2.0
import { AnswerClock } from '../../src/explain/clock.js';
import { UnixClock } from '../../src/time/unix-clock.js';

/** Unix time is ahead by a whole hour and a bit more than half a millisecond. */
const OFFSET = 3_600_000_600_000n;
const unix = () => {
  let monotonic = 0n;
  return new UnixClock(10_000, { monotonicNanos: () => (monotonic += 100n), unixMillis: () => Number((monotonic + OFFSET) / 1_000_000n) });
};

test('times of an answer are those that spans are sent with', () => {
  const shared = unix();
  const clock = new AnswerClock(shared, 2_000_500_000n);
  expect(clock.unixMs).toBe(3_602_001);
  expect(clock.iso(1_999_500_000n)).toBe('1970-01-01T01:00:02.000Z');
  for (const ns of [1n, 399_000n, 401_000n, 1_500_000n]) expect(Date.parse(clock.iso(ns))).toBe(Number(shared.of(ns) / 1_000_000n));
});

test('spans of time keep three decimals', () => {
  const clock = new AnswerClock(unix(), 2_000_500_000n);
  expect(clock.agoMs(2_000_000_000n)).toBe(0.5);
  expect(clock.ms(1_234_567n)).toBe(1.235);
});
