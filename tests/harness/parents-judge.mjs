// SPDX-License-Identifier: Apache-2.0
// Judges what the leaves of the parents measurement saw (parents.mjs).
import { parseTraceparent } from './load.mjs';

/**
 * @typedef {{ id: string, call: number, traceparent: string | null, traceparents: number }} Leaf
 * @typedef {{ id: string, trace: string, span: string, order: string, leaves: Leaf[] }} Answer trace, span: what the client sent
 * @typedef {{ right: number, wrong: number, unknown: number }} Verdicts
 * @typedef {import('./traces.mjs').CheckedSpan & { attributes?: Record<string, unknown> }} CheckedSpan
 */

/**
 * By the ids alone. right: the leaf received the trace of the request that caused the call; wrong: that of another request, or an unknown one that calls
 * of another request carry too; unknown: any other, or none, and bare: those of them without a header. doubled: calls with more than one header.
 * @param {readonly Answer[]} answers @returns {Verdicts & { bare: number, doubled: number, examples: string[] }}
 */
export function judge(answers) {
  const sent = new Map(answers.map(({ trace, id }) => [trace, id]));
  /** @type {Map<string, Set<string>>} */ const strangers = new Map();
  const calls = answers.flatMap((answer) => answer.leaves.map((leaf) => ({ answer, leaf, context: parseTraceparent(leaf.traceparent) })));
  for (const { answer, context } of calls)
    if (context && !sent.has(context.traceId)) strangers.set(context.traceId, (strangers.get(context.traceId) ?? new Set()).add(answer.id));
  const result = { right: 0, wrong: 0, unknown: 0, bare: 0, doubled: 0, examples: /** @type {string[]} */ ([]) };
  for (const { answer, leaf, context } of calls) {
    if (leaf.id !== answer.id) throw new Error(`the middle mixes up its own requests: ${answer.id} was answered with call ${leaf.call} of ${leaf.id}`);
    if (leaf.traceparents > 1) result.doubled++;
    if (leaf.traceparents === 0) result.bare++;
    const crossed = context && (sent.get(context.traceId) ?? (Number(strangers.get(context.traceId)?.size) > 1 ? 'several' : undefined));
    if (crossed === undefined) result.unknown++;
    else if (context?.traceId === answer.trace) result.right++;
    else {
      result.wrong++;
      if (result.examples.length < 5) result.examples.push(`call ${leaf.call} of ${answer.id} (${answer.order}) went out in the trace of ${crossed}`);
    }
  }
  return result;
}

/**
 * By obi's spans too. right: the span id that the leaf received is a client span's, whose parent is the server span of that very request; unknown: that
 * client span has no parent; missing: no span has that id; copied: it is the id that the client sent, which a proxy handed on; wrong: all else.
 * @param {readonly Answer[]} answers @param {readonly CheckedSpan[]} spans @returns {Verdicts & { missing: number, copied: number }}
 */
export function judgeTree(answers, spans) {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const result = { right: 0, wrong: 0, unknown: 0, missing: 0, copied: 0 };
  const seen = new Set();
  for (const { span, trace, leaves } of answers) {
    for (const { traceparent } of leaves) {
      const context = parseTraceparent(traceparent);
      const client = context && byId.get(context.spanId);
      const server = client?.parentSpanId ? byId.get(client.parentSpanId) : undefined;
      if (context?.spanId === span && context.traceId === trace) result.copied++;
      else if (!client) result.missing++;
      else if (client.kind !== 3 || client.traceId !== context.traceId || seen.has(client)) result.wrong++;
      else if (!client.parentSpanId) result.unknown++;
      else if (server?.kind === 2 && server.traceId === trace && server.parentSpanId === span) result.right++;
      else result.wrong++;
      if (client && context?.spanId !== span) seen.add(client);
    }
  }
  return result;
}

const idOf = (/** @type {CheckedSpan} */ { attributes = {} }) =>
  `${attributes['url.query'] ?? attributes['url.full'] ?? attributes['rpc.method'] ?? ''}`.match(/\bid=([\w-]+)/)?.[1];

/**
 * By the application's own ids in the spans' URLs (of gRPC's leaves: methods), so for calls that no header reached too: a client span is right under the server span of its own id,
 * in the trace that the client sent for that id. missing: calls without a client span.
 * @param {readonly Answer[]} answers @param {readonly CheckedSpan[]} spans @returns {Verdicts & { missing: number }}
 */
export function judgeSpans(answers, spans) {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const sent = new Map(answers.map((answer) => [answer.id, answer]));
  const calls = answers.reduce((sum, { leaves }) => sum + leaves.length, 0);
  const clients = spans.filter(({ kind }) => kind === 3);
  const result = { right: 0, wrong: 0, unknown: 0, missing: calls - clients.length };
  for (const client of clients) {
    const answer = sent.get(idOf(client) ?? '');
    const server = byId.get(client.parentSpanId ?? '');
    if (!client.parentSpanId) result.unknown++;
    else if (answer && server?.kind === 2 && server.traceId === client.traceId && isIn(answer, server)) result.right++;
    else result.wrong++;
  }
  return result;
}

/** Is the server span the one of the request that the client sent? Without a header only the ids can say, in a call of gRPC only the header. @param {Answer} answer @param {CheckedSpan} server */
const isIn = (answer, server) =>
  (server.parentSpanId ? server.traceId === answer.trace && server.parentSpanId === answer.span : idOf(server) !== undefined) &&
  (idOf(server) ?? answer.id) === answer.id;
