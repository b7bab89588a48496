// SPDX-License-Identifier: Apache-2.0
/** The texts of a waterfall's lines, before they are laid out. */
import { SpanKind, StatusCode } from '@obi/core';
import { ATTR_ERROR_TYPE, ATTR_HTTP_RESPONSE_STATUS_CODE } from '@opentelemetry/semantic-conventions';
import { formatDuration } from '../format/duration.js';
import type { StoredSpan } from '../stored-span.js';
import { printable } from '../terminal/text.js';
import { type SpanNode, serviceOf, type TraceTree } from './build-traces.js';
import type { Symbols } from './symbols.js';

export interface Row {
  readonly span: StoredSpan;
  readonly service: string;
  /** The lines of the tree before the name. */
  readonly guide: string;
  readonly name: string;
  readonly kind: string;
  readonly duration: string;
  readonly result: string;
  readonly error: boolean;
  readonly orphan: boolean;
}

const KIND_NAMES: Readonly<Record<number, string>> = {
  [SpanKind.INTERNAL]: 'internal',
  [SpanKind.SERVER]: 'server',
  [SpanKind.CLIENT]: 'client',
  [SpanKind.PRODUCER]: 'producer',
  [SpanKind.CONSUMER]: 'consumer',
};

/** The rows of a trace, depth first. */
export function rowsOf(trace: TraceTree, symbols: Symbols, unicode: boolean): readonly Row[] {
  const rows: Row[] = [];
  const add = (node: SpanNode, guide: string, below: string): void => {
    rows.push(rowOf(node, guide, symbols, unicode));
    node.children.forEach((child, index) => {
      const last = index === node.children.length - 1;
      add(child, below + (last ? symbols.lastBranch : symbols.branch), below + (last ? symbols.gap : symbols.trunk));
    });
  };
  for (const root of trace.roots) add(root, '', '');
  return rows;
}

function rowOf({ span, orphan }: SpanNode, guide: string, symbols: Symbols, unicode: boolean): Row {
  const error = span.status.code === StatusCode.ERROR;
  const name = printable(span.name === '' ? '(no name)' : span.name);
  return {
    span,
    service: printable(serviceOf(span)),
    guide,
    name: orphan ? `${symbols.orphan} ${name}` : name,
    kind: KIND_NAMES[span.kind] ?? '',
    duration: formatDuration(span.endUnixNano - span.startUnixNano, unicode),
    result: `${error ? `${symbols.error} ` : ''}${resultOf(span, error)}`,
    error,
    orphan,
  };
}

/** What came of it: the protocol's own code where there is one. */
function resultOf({ attributes, status }: StoredSpan, error: boolean): string {
  const code = attributes[ATTR_HTTP_RESPONSE_STATUS_CODE] ?? (error ? attributes[ATTR_ERROR_TYPE] : undefined);
  return printable(code !== undefined ? String(code) : error ? status.message || 'error' : '');
}
