// SPDX-License-Identifier: Apache-2.0
/** Everything about one span, as lines for people. */
import type { ExplainedSpan, StoreState } from '@obi/core';
import { printable } from '@obi/exporter-console';
import { formatMs, processOf, scopeOf, titleOf } from './words.js';

type Line = readonly [string, string];

/** @param known spans that the answer holds, to name the parent */
export function spanLines(span: ExplainedSpan, known: readonly ExplainedSpan[], store: StoreState): string[] {
  const { verdict } = span;
  const isIncoming = verdict.kind === 'incoming' || verdict.kind === 'root';
  const lines: Line[] = [
    [isIncoming ? 'received by' : 'sent by', `${processOf(span)}${span.process.executable === null ? '' : `, ${printable(span.process.executable)}`}`],
    ...runtimeLine(span),
    ['parent', parentText(span, known, store)],
    [verdict.rule === null ? 'because' : 'rule', verdict.rule === null ? verdict.why : `${verdict.rule}: ${verdict.why}`],
    ...(verdict.needed === null ? [] : [['needed', printable(verdict.needed)] as const]),
    ...meanwhileLine(span, isIncoming),
    ['scopes', scopesText(span, isIncoming)],
    ...timeLines(span, isIncoming),
  ];
  const width = Math.max(...lines.map(([label]) => label.length));
  return [
    titleOf(span),
    `  span ${span.spanId} of trace ${span.traceId}, seen by probe ${span.probe}`,
    ...lines.map(([label, text]) => `  ${label.padEnd(width)}  ${text}`),
  ];
}

function parentText(span: ExplainedSpan, known: readonly ExplainedSpan[], { reachMs }: StoreState): string {
  const { parentSpanId, verdict, cause } = span;
  if (parentSpanId === null) return verdict.kind === 'own' ? 'none of ours' : 'none';
  const parent = known.find(({ spanId }) => spanId === parentSpanId);
  if (parent) return `${parentSpanId}  ${titleOf(parent)}, ${processOf(parent)}`;
  if (verdict.kind === 'incoming') return `${parentSpanId}, which this obi has not seen: another machine, another tracer, or not selected here`;
  const began = cause.request?.began.beforeMs ?? 0;
  const isTooOld = reachMs !== null && span.agoMs !== null && span.agoMs + began > reachMs;
  return `${parentSpanId}, ${isTooOld ? 'whose record is gone from the store by now' : 'which is not answered yet'}`;
}

function runtimeLine({ process: { model, runtime } }: ExplainedSpan): Line[] {
  if (model === null) return [['process', 'has ended']];
  const probe = runtime === null ? '' : `; probe ${runtime.probe}: ${runtime.state}${runtime.reason === undefined ? '' : `, ${printable(runtime.reason)}`}`;
  return [['process', `${MODELS[model] ?? model}${probe}`]];
}

const MODELS: Readonly<Record<string, string>> = {
  threads: 'one request per thread at a time',
  multiplexed: 'many requests per thread (multiplexed)',
  proxy: 'a proxy that notes itself for which request it sends',
};

/** What the process had open when it sent an orphan, or sent without a parent while it served this: the other half of what is missing. */
function meanwhileLine({ cause: { meanwhile } }: ExplainedSpan, isIncoming: boolean): Line[] {
  if (!meanwhile || (isIncoming && meanwhile.count === 0)) return [];
  const { count, first } = meanwhile;
  const label = isIncoming ? 'meanwhile' : 'open then';
  if (count === 0) return [[label, 'no request, as far as there are records']];
  const list = first.map(({ spanId, name }) => `${spanId} ${printable(name ?? '')}`.trim()).join(', ');
  const more = count > first.length ? ` and ${count - first.length} more` : '';
  const what = isIncoming ? 'sent by this process without a parent' : 'in this process';
  return [[label, `${count} request${count === 1 ? '' : 's'} ${what}: ${list}${more}`]];
}

function scopesText({ cause, process: { pid } }: ExplainedSpan, isIncoming: boolean): string {
  const own = `${isIncoming ? 'read' : 'sent'} by ${scopeOf(cause.scope, pid)}`;
  return cause.request ? `${own}; the parent's request was read by ${scopeOf(cause.request.readBy, pid)}` : own;
}

/** The earliest first. */
function timeLines({ began, agoMs, durationMs, isError, cause }: ExplainedSpan, isIncoming: boolean): Line[] {
  const before = [
    ...(cause.request ? [{ ...cause.request.began, what: "the parent's request began" }] : []),
    ...(cause.scopeStarted ? [{ ...cause.scopeStarted, what: 'what sent this was started' }] : []),
  ].sort((one, other) => other.beforeMs - one.beforeMs);
  const times: string[] = before.map(({ at, beforeMs, what }) => `${at}  ${what}, ${formatMs(beforeMs)} before`);
  if (began !== null) {
    const took = durationMs === null ? '' : `; it took ${formatMs(durationMs)}${isError ? ' and failed' : ''}`;
    times.push(`${began}  this was ${isIncoming ? 'received' : 'sent'}, ${formatMs(agoMs ?? 0)} ago${took}`);
  }
  return times.map((text, index) => [index === 0 ? 'times' : '', text]);
}
