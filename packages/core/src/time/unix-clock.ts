// SPDX-License-Identifier: Apache-2.0
/** The kernel stamps records with CLOCK_MONOTONIC, people and receivers want Unix time: this keeps the difference between the two. */

/** The two clocks, replaceable in tests. */
export interface ClockSource {
  /** CLOCK_MONOTONIC in nanoseconds. */
  monotonicNanos(): bigint;
  /** Unix time in whole milliseconds. */
  unixMillis(): number;
}

const systemClocks: ClockSource = { monotonicNanos: () => process.hrtime.bigint(), unixMillis: () => Date.now() };

const NANOS_PER_MILLI = 1_000_000n;
const MAX_SPIN_NANOS = 3n * NANOS_PER_MILLI;
/** Far more than fit into that time: the wait ends also when the clocks stand still, as those of tests may. */
const MAX_LOOKS = 100_000;
/** A tick of the Unix clock that was caught within this much is exact enough. */
const GOOD_CATCH_NANOS = 20_000n;

/**
 * Offset from monotonic to Unix time as two 32-bit halves, so that adding it to a record's time needs no BigInt.
 * Steps and slewing of the wall clock are followed within `refreshMillis`.
 */
export class UnixClock {
  /** Lower and upper half of the offset; as unsigned numbers. Read by the OTLP writer on every span. */
  offsetLow = 0;
  offsetHigh = 0;
  private offset = 0n;
  private measuredAt = 0n;

  constructor(
    private readonly refreshMillis = 10_000,
    private readonly clocks: ClockSource = systemClocks,
  ) {
    this.measure();
  }

  /** @param monotonicNanos a time of CLOCK_MONOTONIC @returns Unix nanoseconds */
  of(monotonicNanos: bigint): bigint {
    return monotonicNanos + this.offset;
  }

  /** The reverse. */
  monotonicOf(unixNanos: bigint): bigint {
    return unixNanos - this.offset;
  }

  /** Measures again when the last measurement is old enough. Cheap otherwise. */
  refresh(): void {
    const age = this.clocks.monotonicNanos() - this.measuredAt;
    if (age >= BigInt(this.refreshMillis) * NANOS_PER_MILLI) this.measure();
  }

  /**
   * JavaScript reads Unix time in whole milliseconds, so the offset is taken at the moment when the millisecond changes:
   * that takes 1 ms of waiting at most. Where no change is caught cleanly (a busy core), the best one counts.
   */
  private measure(): void {
    const { clocks } = this;
    const begun = clocks.monotonicNanos();
    let millis = clocks.unixMillis();
    let before = begun;
    let best = BigInt(millis) * NANOS_PER_MILLI - begun;
    let bestGap = MAX_SPIN_NANOS;
    for (let look = 0; look < MAX_LOOKS && bestGap > GOOD_CATCH_NANOS && before - begun < MAX_SPIN_NANOS; look++) {
      const now = clocks.unixMillis();
      const after = clocks.monotonicNanos();
      if (now !== millis && after - before < bestGap) {
        bestGap = after - before;
        best = BigInt(now) * NANOS_PER_MILLI - (before + bestGap / 2n);
      }
      millis = now;
      before = after;
    }
    this.measuredAt = before;
    this.offset = best;
    const offset = BigInt.asUintN(64, best);
    this.offsetLow = Number(offset & 0xffff_ffffn);
    this.offsetHigh = Number(offset >> 32n);
  }
}
