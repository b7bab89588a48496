// SPDX-License-Identifier: Apache-2.0
import { type ClockSource, UnixClock } from '../../src/time/unix-clock.js';

const offsetOf = (clock: UnixClock): bigint => (BigInt(clock.offsetHigh) << 32n) | BigInt(clock.offsetLow);

/** Clocks that advance by `step` nanoseconds with each reading. */
class FakeClocks implements ClockSource {
  monotonic = 5_000_000_000n;
  constructor(
    public offset: bigint,
    private readonly step: bigint,
  ) {}
  monotonicNanos(): bigint {
    this.monotonic += this.step;
    return this.monotonic;
  }
  unixMillis(): number {
    return Number((this.monotonic + this.offset) / 1_000_000n);
  }
}

describe('UnixClock', () => {
  test('finds the offset far more exactly than the millisecond that Date.now() has', () => {
    const offset = 1_795_000_000_123_456_789n;
    const measured = offsetOf(new UnixClock(10_000, new FakeClocks(offset, 700n)));
    expect(Number(measured - offset)).toBeGreaterThan(-2_000);
    expect(Number(measured - offset)).toBeLessThan(2_000);
  });

  test('as a whole and as halves it is the same, also before the epoch', () => {
    for (const offset of [1_795_000_000_123_456_789n, -3_000_000_000n]) {
      const clock = new UnixClock(10_000, new FakeClocks(offset, 700n));
      expect(BigInt.asIntN(64, offsetOf(clock))).toBe(clock.of(7n) - 7n);
      expect(clock.monotonicOf(clock.of(7n))).toBe(7n);
    }
  });

  test('gives up waiting on a slow core and is still right to a few milliseconds', () => {
    const clocks = new FakeClocks(1_795_000_000_123_456_789n, 900_000n);
    const measured = offsetOf(new UnixClock(10_000, clocks));
    expect(Math.abs(Number(measured - clocks.offset))).toBeLessThan(2_000_000);
    expect(clocks.monotonic).toBeLessThan(5_000_000_000n + 10_000_000n);
  });

  test('clocks that stand still are no endless wait', () => {
    const clock = new UnixClock(10_000, { monotonicNanos: () => 5_000_000n, unixMillis: () => 7 });
    expect(clock.of(5_000_001n)).toBe(7_000_001n);
  });

  test('follows a step of the wall clock, but only when the interval is over', () => {
    const clocks = new FakeClocks(1_000_000_000_000n, 500n);
    const clock = new UnixClock(10_000, clocks);
    clocks.offset += 3_600_000_000_000n;
    clock.refresh();
    expect(Math.abs(Number(offsetOf(clock) - 1_000_000_000_000n))).toBeLessThan(5_000);
    clocks.monotonic += 10_000_000_000n;
    clock.refresh();
    expect(Math.abs(Number(offsetOf(clock) - clocks.offset))).toBeLessThan(5_000);
  });

  test('the real clocks: monotonic now plus offset is now', () => {
    const clock = new UnixClock();
    const unixNanos = process.hrtime.bigint() + offsetOf(clock);
    expect(Math.abs(Number(unixNanos / 1_000_000n) - Date.now())).toBeLessThanOrEqual(50);
  });
});
