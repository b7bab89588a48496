// SPDX-License-Identifier: Apache-2.0
// The table that the benchmark of runtimes prints for one chain.

/** @typedef {import('./chains.mjs').Variant} Variant */
/** @typedef {Record<Variant, import('./measure.mjs').Sample>} Round */

/** @type {readonly Variant[]} */
export const VARIANTS = ['off', 'obi', 'otel'];
const LABELS = { off: 'without', obi: 'with obi', otel: 'with OpenTelemetry' };
const WIDTHS = [24, 24, 20, 8, 12, 15, 15];

/** @param {number[]} list @returns {number} */
export function median(list) {
  const sorted = list.toSorted((a, b) => a - b);
  const upper = sorted[sorted.length >> 1] ?? Number.NaN;
  return sorted.length % 2 ? upper : (upper + (sorted[(sorted.length >> 1) - 1] ?? Number.NaN)) / 2;
}
/** @param {number[]} list @param {number} digits */
const spread = (list, digits) => `${median(list).toFixed(digits)} (${Math.min(...list).toFixed(digits)} – ${Math.max(...list).toFixed(digits)})`;
/** @param {number[]} list @param {number[]} base */
const least = (list, base) => (Math.min(...list) / Math.min(...base)).toFixed(2);
/** @param {string[]} cells */
const row = (cells) => cells.map((cell, at) => (at === 0 ? cell.padEnd(WIDTHS[at] ?? 0) : cell.padStart(WIDTHS[at] ?? 0))).join('');

/** @param {string} name @param {readonly Round[]} rounds @returns {string} */
export function formatChain(name, rounds) {
  const head = ['µs per request', '÷ without', 'least', 'requests/s', 'spans/request', 'same trace'];
  const lines = [name, row(['', ...head])];
  const off = rounds.map((round) => round.off.services);
  /** @param {number[]} cpu */
  const ratios = (cpu) => [
    spread(
      cpu.map((one, round) => one / (off[round] ?? Number.NaN)),
      2,
    ),
    least(cpu, off),
  ];
  for (const variant of VARIANTS) {
    const samples = rounds.map((round) => round[variant]);
    /** @param {'services' | 'obi' | 'rate' | 'spans' | 'right' | 'requests'} key */
    const all = (key) => samples.map((sample) => sample[key]);
    const sum = (/** @type {'right' | 'requests'} */ key) => all(key).reduce((total, one) => total + one, 0);
    const rate = median(all('rate')).toFixed(0);
    const cpu = all('services');
    if (variant === 'off') lines.push(row([LABELS[variant], spread(cpu, 0), '', '', rate]));
    else lines.push(row([LABELS[variant], spread(cpu, 0), ...ratios(cpu), rate, median(all('spans')).toFixed(2), `${sum('right')}/${sum('requests')}`]));
    if (variant !== 'obi') continue;
    const both = samples.map(({ services, obi }) => services + obi);
    lines.push(row(['  obi itself', spread(all('obi'), 0)]), row(['  both', spread(both, 0), ...ratios(both)]));
  }
  return lines.join('\n');
}
