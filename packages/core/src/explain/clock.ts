// SPDX-License-Identifier: Apache-2.0
/** CLOCK_MONOTONIC, as the kernel writes it, for people: one moment per answer, so that all its times agree, on the clock that spans are sent with. */
import type { UnixClock } from '../time/unix-clock.js';

const NANOS_PER_MILLI = 1_000_000n;

export class AnswerClock {
  /** The moment of the answer. */
  readonly unixMs: number;
  readonly #unix: UnixClock;
  readonly #ns: bigint;

  constructor(unix: UnixClock, monotonicNanos = process.hrtime.bigint()) {
    unix.refresh();
    this.#unix = unix;
    this.#ns = monotonicNanos;
    this.unixMs = this.#millis(monotonicNanos);
  }

  iso(ns: bigint): string {
    return new Date(this.#millis(ns)).toISOString();
  }

  /** Milliseconds, with three decimals. */
  agoMs(ns: bigint): number {
    return this.ms(this.#ns - ns);
  }

  ms(ns: bigint): number {
    return Math.round(Number(ns) / 1000) / 1000;
  }

  #millis(ns: bigint): number {
    return Number(this.#unix.of(ns) / NANOS_PER_MILLI);
  }
}
