// SPDX-License-Identifier: Apache-2.0
/** Durations with three digits, the way people read them. */

const UNITS: readonly (readonly [string, number])[] = [
  ['s', 1e9],
  ['ms', 1e6],
  ['µs', 1e3],
];

/** @returns e.g. `1.23 s`, `42.1 ms`, `870 µs`, `12 ns`. */
export function formatDuration(nanos: bigint, unicode = true): string {
  const value = Number(nanos);
  const magnitude = Math.abs(value);
  // 999.5 and above would read as 1000: take the next unit.
  const [unit, size] = UNITS.find(([, size]) => magnitude >= size * 0.9995) ?? ['ns', 1];
  const scaled = value / size;
  const digits = unit === 'ns' ? 0 : Math.abs(scaled) >= 99.95 ? 0 : Math.abs(scaled) >= 9.995 ? 1 : 2;
  return `${scaled.toFixed(digits)} ${unicode ? unit : unit.replace('µ', 'u')}`;
}
