// SPDX-License-Identifier: Apache-2.0
/** From the kernel's CLOCK_MONOTONIC to Unix time, for spans that are objects anyway. */

const NANOS_PER_MILLI = 1_000_000n;
const REFRESH_NANOS = 10_000n * NANOS_PER_MILLI;
const MAX_SPIN_NANOS = 2n * NANOS_PER_MILLI;

export class UnixTime {
  private offset = 0n;
  private measuredAt: bigint | undefined;

  /** @param monotonicNanos a time of CLOCK_MONOTONIC @returns Unix nanoseconds */
  of(monotonicNanos: bigint): bigint {
    return monotonicNanos + this.offset;
  }

  /** Follows the wall clock: measures at first and then every ten seconds, when the Unix millisecond changes (1 ms at most). */
  refresh(): void {
    const begun = process.hrtime.bigint();
    if (this.measuredAt !== undefined && begun - this.measuredAt < REFRESH_NANOS) return;
    const first = Date.now();
    let millis = first;
    let now = begun;
    while (millis === first && now - begun < MAX_SPIN_NANOS) {
      millis = Date.now();
      now = process.hrtime.bigint();
    }
    this.measuredAt = now;
    this.offset = BigInt(millis) * NANOS_PER_MILLI - now;
  }
}
