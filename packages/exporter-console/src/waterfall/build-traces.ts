// SPDX-License-Identifier: Apache-2.0
/** From spans in any order to trees in the order of time. */
import { StatusCode } from '@obi/core';
import { ATTR_SERVICE_NAME } from '@opentelemetry/semantic-conventions';
import type { StoredSpan } from '../stored-span.js';

export interface SpanNode {
  readonly span: StoredSpan;
  readonly children: readonly SpanNode[];
  /** It names a parent that is not among the spans. */
  readonly orphan: boolean;
}

export interface TraceTree {
  readonly traceId: string;
  /** Roots and orphans, by start. */
  readonly roots: readonly SpanNode[];
  readonly spanCount: number;
  readonly errorCount: number;
  /** In the order of their first span. */
  readonly services: readonly string[];
  readonly startUnixNano: bigint;
  readonly endUnixNano: bigint;
}

/** One tree (or several, when spans are missing) for each trace, by start. Every span is in exactly one place, whatever the ids say. */
export function buildTraces(spans: Iterable<StoredSpan>): readonly TraceTree[] {
  const byTrace = Map.groupBy(spans, (span) => span.traceId);
  return [...byTrace].map(([traceId, members]) => buildTrace(traceId, members)).sort((a, b) => compare(a.startUnixNano, b.startUnixNano));
}

export const serviceOf = (span: StoredSpan): string => String(span.resource.attributes[ATTR_SERVICE_NAME] ?? 'unknown_service');

function buildTrace(traceId: string, members: readonly StoredSpan[]): TraceTree {
  const spans = members.toSorted((a, b) => compare(a.startUnixNano, b.startUnixNano));
  const ids = new Set(spans.map((span) => span.spanId));
  const byParent = Map.groupBy(spans, (span) => span.parentSpanId);
  const placed = new Set<StoredSpan>();

  const node = (span: StoredSpan, orphan: boolean): SpanNode => {
    placed.add(span);
    const own = (byParent.get(span.spanId) ?? []).filter((child) => !placed.has(child));
    for (const child of own) placed.add(child);
    return { span, orphan, children: own.map((child) => node(child, false)) };
  };
  const isTop = (span: StoredSpan): boolean => span.parentSpanId === undefined || !ids.has(span.parentSpanId);
  const roots = spans.filter(isTop).map((span) => node(span, span.parentSpanId !== undefined));
  // What is left are spans that are their own ancestors: broken ids, shown all the same.
  for (const span of spans) if (!placed.has(span)) roots.push(node(span, true));

  return {
    traceId,
    roots,
    spanCount: spans.length,
    errorCount: spans.filter((span) => span.status.code === StatusCode.ERROR).length,
    services: [...new Set(spans.map(serviceOf))],
    startUnixNano: spans[0]?.startUnixNano ?? 0n,
    endUnixNano:
      spans
        .map((span) => span.endUnixNano)
        .sort(compare)
        .at(-1) ?? 0n,
  };
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
