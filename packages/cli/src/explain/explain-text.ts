// SPDX-License-Identifier: Apache-2.0
/** What `obi explain` prints for people. */
import type { ExplainAnswer, StoreState } from '@obi/core';
import { spanLines } from './span-text.js';
import { treeLines } from './tree-text.js';
import { formatMs } from './words.js';

/** The lines about one obi's answer, which has spans. */
export function renderAnswer(answer: ExplainAnswer, unicode: boolean): string[] {
  if (answer.asked.kind === 'trace') return [...treeLines(answer, unicode), '', 'obi explain <span id> says more about one of them.'];
  const { spans, parents } = answer;
  const known = [...parents, ...spans];
  const several = spans.length === 1 ? [] : [`${spans.length} spans have this id: an application sent the same traceparent more than once.`, ''];
  return [...several, ...spans.flatMap((span, index) => [...(index === 0 ? [] : ['']), ...spanLines(span, known, answer.store)])];
}

export function storeLine({ records, bytes, capacityBytes, reachMs }: StoreState): string {
  if (reachMs === null) return 'none yet';
  const share = Math.round((100 * bytes) / capacityBytes);
  return `${records} records, reaching back ${formatMs(reachMs)}; ${share} % of explain.buffer_bytes are used`;
}
