// SPDX-License-Identifier: Apache-2.0
/** The Retry-After header: seconds, or an HTTP date. */

/** @returns milliseconds to wait, not negative; undefined when the header is absent or makes no sense. */
export function parseRetryAfter(value: string | undefined, nowMillis: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\s*\d{1,9}\s*$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMillis);
}
