// SPDX-License-Identifier: Apache-2.0
/** A trace as a tree, one line a span, each with its rule. */
import type { ExplainAnswer, ExplainedSpan } from '@obi/core';
import { displayWidth } from '@obi/exporter-console';
import { formatMs, processOf, titleOf } from './words.js';

interface Row {
  readonly what: string;
  readonly span: ExplainedSpan;
  readonly lacksParent: boolean;
}

const BRANCH = { unicode: { more: '├ ', last: '└ ', trunk: '│ ' }, ascii: { more: '|- ', last: '`- ', trunk: '|  ' } };
const MAX_TITLE = 60;

export function treeLines({ spans, asked, omitted }: ExplainAnswer, unicode: boolean): string[] {
  const rows = rowsOf(spans, unicode);
  const column = (text: (row: Row) => string) => Math.max(...rows.map((row) => displayWidth(text(row))));
  const what = column((row) => row.what);
  const where = column(({ span }) => processOf(span));
  const pad = (text: string, width: number) => text + ' '.repeat(width - displayWidth(text));
  const processes = new Set(spans.map(({ process }) => process.pid)).size;
  return [
    `trace ${asked.id}: ${spans.length} span${spans.length === 1 ? '' : 's'} of ${processes} process${processes === 1 ? '' : 'es'}${omitted > 0 ? `; ${omitted} more are not shown` : ''}`,
    ...rows.map(
      ({ what: text, span, lacksParent }) =>
        `${pad(text, what)}  ${span.spanId}  ${pad(processOf(span), where)}  ${(span.durationMs === null ? '' : formatMs(span.durationMs)).padStart(8)}  ${ruleOf(span, lacksParent)}`,
    ),
  ];
}

function ruleOf({ verdict: { kind, rule, short }, parentSpanId, cause: { meanwhile } }: ExplainedSpan, lacksParent: boolean): string {
  const text = `${rule ?? kind}: ${short}${lacksParent ? ` (${parentSpanId}, of which there is no record)` : ''}`;
  if (!meanwhile?.count) return text;
  const more = meanwhile.count > 1 ? ` and ${meanwhile.count - 1} more` : '';
  return `${text}; sent by its process meanwhile, without a parent: ${meanwhile.first[0]?.spanId}${more}`;
}

function rowsOf(spans: readonly ExplainedSpan[], unicode: boolean): Row[] {
  const sign = unicode ? BRANCH.unicode : BRANCH.ascii;
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const childrenOf = Map.groupBy(spans, ({ parentSpanId }) => (parentSpanId !== null && ids.has(parentSpanId) ? parentSpanId : ''));
  const rows: Row[] = [];
  const shown = new Set<string>();
  const add = (span: ExplainedSpan, guide: string, below: string): void => {
    rows.push({ what: guide + cut(titleOf(span)), span, lacksParent: span.parentSpanId !== null && !ids.has(span.parentSpanId) });
    // Two spans with the same id (a traceparent that an application sent twice): their children stand below the first.
    if (shown.has(span.spanId)) return;
    shown.add(span.spanId);
    const children = childrenOf.get(span.spanId) ?? [];
    for (const [index, child] of children.entries()) {
      const isLast = index === children.length - 1;
      add(child, below + (isLast ? sign.last : sign.more), below + (isLast ? ' '.repeat(sign.trunk.length) : sign.trunk));
    }
  };
  for (const root of childrenOf.get('') ?? []) add(root, '', '');
  return rows;
}

const cut = (text: string) => (text.length <= MAX_TITLE ? text : `${text.slice(0, MAX_TITLE - 1)}…`);
