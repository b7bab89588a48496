// SPDX-License-Identifier: Apache-2.0
// Judges whose request caused which call of nginx: by what the leaves noted, and by the application's ids in the spans' URLs.
import { parseTraceparent } from '../../harness/load.mjs';

/**
 * @typedef {{ id: string, call: number, traceparent: string | null, traceparents: number }} Call
 * @typedef {{ id: string, trace: string, span: string, order: string }} Sent
 * @typedef {{ right: number, wrong: number, unknown: number }} Verdicts
 */

const idOf = (/** @type {import('../../harness/obi.mjs').PrintedSpan} */ span) =>
  `${span.attributes?.['url.query'] ?? span.attributes?.['url.full'] ?? ''}`.match(/\bid=([\w-]+)/)?.[1];

/**
 * wire: of the calls that arrived with a header, by the ids in it. The span id is a client span's, whose parent is the server span of the very request with the
 * application's id: right; that client span has no parent: unknown; copied: it is the id that the client sent; missing: no span has it.
 * own: of all client spans, by the ids in their URLs. bare: calls without header.
 * @param {readonly Sent[]} sent @param {readonly Call[]} calls @param {readonly import('../../harness/obi.mjs').PrintedSpan[]} spans @param {boolean} traceparent
 */
export function judgeCalls(sent, calls, spans, traceparent) {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const bySent = new Map(sent.map((one) => [one.id, one]));
  const wire = { right: 0, wrong: 0, unknown: 0, copied: 0, missing: 0, bare: 0, doubled: 0 };
  const own = { right: 0, wrong: 0, unknown: 0 };
  /** @type {Record<string, Verdicts>} */ const byOrder = {};
  /** @type {string[]} */ const examples = [];
  const seen = new Set();
  /** Is this the server span of that request? @param {import('../../harness/obi.mjs').PrintedSpan | undefined} server @param {string | undefined} id */
  const serves = (server, id) => {
    const one = bySent.get(id ?? '');
    if (!one || server?.kind !== 2 || idOf(server) !== id) return false;
    return traceparent ? server.traceId === one.trace && server.parentSpanId === one.span : !server.parentSpanId;
  };
  for (const { id, call, traceparent: field, traceparents } of calls) {
    const context = parseTraceparent(field);
    const client = context && byId.get(context.spanId);
    if (traceparents > 1) wire.doubled++;
    if (!context) wire.bare++;
    else if (traceparent && context.spanId === bySent.get(id)?.span) wire[context.traceId === bySent.get(id)?.trace ? 'copied' : 'wrong']++;
    else if (!client) wire.missing++;
    else if (client.kind !== 3 || client.traceId !== context.traceId || idOf(client) !== id || seen.has(client)) wire.wrong++;
    else if (!client.parentSpanId) wire.unknown++;
    else if (serves(byId.get(client.parentSpanId), id) && byId.get(client.parentSpanId)?.traceId === context.traceId) wire.right++;
    else {
      wire.wrong++;
      examples.push(`call ${call} of ${id} (${bySent.get(id)?.order}) left in the trace of ${idOf(/** @type {any} */ (byId.get(client.parentSpanId)) ?? {})}`);
    }
    if (client) seen.add(client);
  }
  for (const span of spans) {
    if (span.kind !== 3) continue;
    const order = bySent.get(idOf(span) ?? '')?.order ?? '?';
    byOrder[order] ??= { right: 0, wrong: 0, unknown: 0 };
    const server = byId.get(span.parentSpanId ?? '');
    const verdict = !span.parentSpanId ? 'unknown' : serves(server, idOf(span)) && server?.traceId === span.traceId ? 'right' : 'wrong';
    own[verdict]++;
    byOrder[order][verdict]++;
    if (verdict === 'wrong' && examples.length < 8)
      examples.push(`a call of ${idOf(span)} (${order}) has as parent ${server ? `${idOf(server)} (${bySent.get(idOf(server) ?? '')?.order})` : 'nothing'}`);
  }
  const servers = spans.filter(({ kind }) => kind === 2).length;
  return { wire, own, byOrder, examples: examples.slice(0, 8), servers, clients: spans.length - servers };
}
