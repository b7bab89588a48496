// SPDX-License-Identifier: Apache-2.0
/** SGR colours, of the sixteen that every terminal's theme defines. */

/** Wraps a text in a colour. */
export type Paint = (text: string) => string;

export const plain: Paint = (text) => text;

const sgr =
  (on: number, off: number): Paint =>
  (text) =>
    text === '' ? text : `\x1b[${on}m${text}\x1b[${off}m`;

export interface Palette {
  readonly dim: Paint;
  readonly bold: Paint;
  readonly error: Paint;
  readonly warning: Paint;
  /** Colours for services, to be used in turn. */
  readonly services: readonly Paint[];
}

const COLOURED: Palette = {
  dim: sgr(2, 22),
  bold: sgr(1, 22),
  error: sgr(31, 39),
  warning: sgr(33, 39),
  services: [36, 35, 32, 34, 96, 95, 92, 94].map((code) => sgr(code, 39)),
};
const PLAIN: Palette = { dim: plain, bold: plain, error: plain, warning: plain, services: [plain] };

export const palette = (colour: boolean): Palette => (colour ? COLOURED : PLAIN);
