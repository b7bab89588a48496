// SPDX-License-Identifier: Apache-2.0
/** When a span ran within its trace, as a bar. */
import type { Symbols } from './symbols.js';

/** @returns `width` cells; a span that is too short to be seen still gets half of one. */
export function drawBar(start: bigint, end: bigint, total: bigint, width: number, { whole, left, right }: Symbols): string {
  const halves = width * 2;
  const scale = (at: bigint): number => (total <= 0n ? 0 : (Number(at) / Number(total)) * halves);
  const from = Math.max(0, Math.min(halves - 1, Math.floor(scale(start))));
  const to = total <= 0n ? halves : Math.max(from + 1, Math.min(halves, Math.round(scale(end))));
  let bar = '';
  for (let cell = 0; cell < halves; cell += 2) {
    const first = cell >= from && cell < to;
    const second = cell + 1 >= from && cell + 1 < to;
    bar += first && second ? whole : first ? left : second ? right : ' ';
  }
  return bar;
}
