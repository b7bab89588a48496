// SPDX-License-Identifier: Apache-2.0
/** Text in a terminal's cells. Names and attributes come off the wire, so nothing of theirs may steer the terminal. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to go
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const ZERO = /\p{Mn}|\p{Me}|[\u200b-\u200f]/u;
const ASCII = /^[\x20-\x7e]*$/;

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Control characters, and those that turn the direction of writing, become visible escapes. */
export function printable(text: string): string {
  return text.replace(CONTROLS, (c) => `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`);
}

/** Cells that `text` takes. */
export function displayWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += cellsOf(segment);
  return width;
}

/** `text` in exactly `width` cells: cut with `ellipsis`, or filled with spaces. */
export function fit(text: string, width: number, ellipsis: string): string {
  const whole = displayWidth(text);
  if (whole <= width) return text + ' '.repeat(width - whole);
  let kept = '';
  let used = displayWidth(ellipsis);
  if (used > width) return ' '.repeat(width);
  for (const { segment } of graphemes.segment(text)) {
    const cells = cellsOf(segment);
    if (used + cells > width) break;
    kept += segment;
    used += cells;
  }
  return kept + ellipsis + ' '.repeat(width - used);
}

function cellsOf(grapheme: string): number {
  if (WIDE.test(grapheme)) return 2;
  return grapheme.length === 1 && ZERO.test(grapheme) ? 0 : 1;
}
