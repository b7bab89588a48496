// SPDX-License-Identifier: Apache-2.0
/** What a waterfall is drawn with. */

export interface Symbols {
  readonly branch: string;
  readonly lastBranch: string;
  readonly trunk: string;
  readonly gap: string;
  /** A cell of a bar: whole, its left half, its right half. */
  readonly whole: string;
  readonly left: string;
  readonly right: string;
  readonly error: string;
  readonly orphan: string;
  readonly dot: string;
  readonly ellipsis: string;
}

const UNICODE: Symbols = {
  branch: '├─ ',
  lastBranch: '└─ ',
  trunk: '│  ',
  gap: '   ',
  whole: '━',
  left: '╸',
  right: '╺',
  error: '✖',
  orphan: '⚠',
  dot: '·',
  ellipsis: '…',
};
const ASCII: Symbols = {
  branch: '|- ',
  lastBranch: '`- ',
  trunk: '|  ',
  gap: '   ',
  whole: '=',
  left: '=',
  right: '=',
  error: 'x',
  orphan: '!',
  dot: '-',
  ellipsis: '~',
};

export const symbols = (unicode: boolean): Symbols => (unicode ? UNICODE : ASCII);
