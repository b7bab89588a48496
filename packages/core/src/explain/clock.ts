// SPDX-License-Identifier: Apache-2.0
/** CLOCK_MONOTONIC, as the kernel writes it, for people: set to the wall clock once per answer, which is right to a millisecond. */

const MILLION = 1_000_000;

export class MonotonicClock {
  readonly unixMs = Date.now();
  readonly #ns = process.hrtime.bigint();

  iso(ns: bigint): string {
    return new Date(this.unixMs - this.agoMs(ns)).toISOString();
  }

  /** Milliseconds, with three decimals. */
  agoMs(ns: bigint): number {
    return this.ms(this.#ns - ns);
  }

  ms(ns: bigint): number {
    return Math.round(Number(ns) / 1000) / (MILLION / 1000);
  }
}
