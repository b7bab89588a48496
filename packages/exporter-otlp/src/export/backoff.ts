// SPDX-License-Identifier: Apache-2.0
/** Exponential backoff with jitter, shared by all requests to one receiver: when it is down, it is down for all of them. */
import type { OtlpRetry } from '../config/otlp-config.js';

/** However long a receiver asks us to wait, it is asked again after this. */
export const MAX_RETRY_AFTER_MS = 5 * 60_000;
const JITTER = 0.2;

export class Backoff {
  /** Failures since the last success. */
  failures = 0;

  constructor(
    private readonly retry: OtlpRetry,
    private readonly random: () => number = Math.random,
  ) {}

  /** @returns how long to wait after one more failure. */
  next(retryAfterMs: number | undefined): number {
    const own = Math.min(this.retry.maxMs, this.retry.initialMs * 2 ** Math.min(this.failures, 30));
    this.failures++;
    if (retryAfterMs !== undefined) return Math.min(retryAfterMs, MAX_RETRY_AFTER_MS);
    return own * (1 - JITTER + 2 * JITTER * this.random());
  }

  reset(): void {
    this.failures = 0;
  }
}
