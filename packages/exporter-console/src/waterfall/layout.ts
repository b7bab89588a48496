// SPDX-License-Identifier: Apache-2.0
/** How the columns share the width: service, span, kind, bar, duration, result. */
import { displayWidth } from '../terminal/text.js';
import type { Row } from './rows.js';

export interface Layout {
  readonly service: number;
  readonly name: number;
  /** 0 when there is no room for the column. */
  readonly kind: number;
  readonly bar: number;
  readonly duration: number;
  readonly result: number;
}

export const COLUMN_GAP = 2;

const MIN_WIDTH = 60;
const MIN_BAR = 12;
const MAX_SERVICE = 20;
const MAX_RESULT = 14;
/** From this width on, the kind of a span is told. */
const ROOM_FOR_KIND = 100;

export function layOut(rows: readonly Row[], totalWidth: number): Layout {
  const width = Math.max(MIN_WIDTH, totalWidth);
  const widest = (of: (row: Row) => string): number => Math.max(0, ...rows.map((row) => displayWidth(of(row))));
  const service = Math.min(
    width < ROOM_FOR_KIND ? 12 : MAX_SERVICE,
    Math.max(
      7,
      widest((row) => row.service),
    ),
  );
  const kind = width < ROOM_FOR_KIND ? 0 : widest((row) => row.kind);
  const duration = Math.max(
    4,
    widest((row) => row.duration),
  );
  const result = Math.min(
    MAX_RESULT,
    widest((row) => row.result),
  );
  const gaps = COLUMN_GAP * (3 + (kind > 0 ? 1 : 0) + (result > 0 ? 1 : 0));
  const shared = width - service - kind - duration - result - gaps;
  // The bar gets nearly half of what is shared at least, and all that the names do not need.
  const name = Math.max(
    8,
    Math.min(
      widest((row) => row.guide + row.name),
      shared - Math.max(MIN_BAR, Math.floor(shared * 0.45)),
    ),
  );
  return { service, name, kind, bar: Math.max(MIN_BAR, shared - name), duration, result };
}
