// SPDX-License-Identifier: Apache-2.0
// Holds what the services saw (trees of load.mjs) against the spans that obi made of it.
import { flatten, parseTraceparent } from './load.mjs';

/**
 * What a check needs of a span; both obi's JSON lines (obi.mjs) and the Collector's (collector.mjs) have it. kind: OTLP number, 2 server, 3 client.
 * @typedef {{ traceId: string, spanId: string, parentSpanId?: string | undefined, kind: number, resource: Record<string, unknown> }} CheckedSpan
 * @typedef {import('./load.mjs').Tree} Tree
 */

const SERVER = 2;
const CLIENT = 3;

/** @param {CheckedSpan} span */
export const serviceOf = (span) => String(span.resource['service.name'] ?? '');

/** Services that are called through a proxy, which leaves no entry in a tree: name of the service → name of the proxy. @typedef {Readonly<Record<string, string>>} Proxies */

/** How many spans a whole trace of this tree has: a server span for each entry, a client span for each but the root, two for each proxy. @param {Tree} tree @param {Proxies} [proxies] */
export const spansOf = (tree, proxies = {}) => flatten(tree).reduce((sum, { service }) => sum + (proxies[service] ? 4 : 2), -1);

/** The trace id that the services of a tree received, if any did. @param {Tree} tree @returns {string | undefined} */
export function traceIdOf(tree) {
  for (const entry of flatten(tree)) {
    const context = parseTraceparent(entry.traceparent);
    if (context) return context.traceId;
  }
  return undefined;
}

/**
 * Checks that the spans of the tree's trace are exactly the tree: every traceparent that a service received names a client span of its caller,
 * whose parent is the caller's server span of this very request; and nothing else is in the trace.
 * @template {CheckedSpan} S @param {Tree} tree @param {readonly S[]} spans those of the tree's trace @param {Proxies} [proxies]
 * @returns {string[]} what is wrong; empty when whole
 */
export function verifySpans(tree, spans, proxies = {}) {
  /** @type {string[]} */ const wrong = [];
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  /** @type {Set<CheckedSpan>} */ const placed = new Set();
  const take = (/** @type {CheckedSpan | undefined} */ span, /** @type {string} */ what, /** @type {string} */ service) => {
    if (!span) wrong.push(`no ${what}`);
    else if (serviceOf(span) !== service) wrong.push(`${what} is of service ${serviceOf(span)}`);
    else placed.add(span);
  };
  /** @param {Tree} entry @param {CheckedSpan | undefined} server its server span */
  const visit = (entry, server) => {
    take(server, `server span of ${entry.service}`, entry.service);
    for (const child of entry.downstream) {
      const parent = parseTraceparent(child.traceparent)?.spanId;
      let client = parent === undefined ? undefined : byId.get(parent);
      const proxy = proxies[child.service];
      if (proxy) {
        take(client?.kind === CLIENT ? client : undefined, `client span ${proxy} → ${child.service} (${parent ?? 'no traceparent'})`, proxy);
        const passed = byId.get(client?.parentSpanId ?? '');
        take(passed?.kind === SERVER ? passed : undefined, `server span of ${proxy}`, proxy);
        client = byId.get(passed?.parentSpanId ?? '');
      }
      take(client?.kind === CLIENT ? client : undefined, `client span ${entry.service} → ${child.service} (${parent ?? 'no traceparent'})`, entry.service);
      if (client && server && client.parentSpanId !== server.spanId)
        wrong.push(`the call ${entry.service} → ${child.service} hangs under another span than the request that caused it`);
      visit(
        child,
        spans.find((span) => span.kind === SERVER && span.parentSpanId === parent && parent !== undefined),
      );
    }
  };
  const received = parseTraceparent(tree.traceparent)?.spanId;
  const root = spans.find((span) => span.kind === SERVER && (received ? span.parentSpanId === received : !span.parentSpanId));
  visit(tree, root);
  const extra = spans.filter((span) => !placed.has(span));
  if (wrong.length === 0 && extra.length > 0) wrong.push(`${extra.length} further spans in the trace, of ${[...new Set(extra.map(serviceOf))].join(', ')}`);
  return wrong;
}

/**
 * Both checks for all trees of a load.
 * @template {CheckedSpan} S @param {readonly Tree[]} trees @param {readonly S[]} spans
 * @param {(tree: Tree) => string[]} verifyTree from load.mjs @param {Proxies} [proxies]
 * @returns {{ tree: Tree, traceId: string | undefined, spans: S[], wrong: string[] }[]} one for each tree, in their order
 */
export function verifyAll(trees, spans, verifyTree, proxies = {}) {
  const byTrace = Map.groupBy(spans, (span) => span.traceId);
  return trees.map((tree) => {
    const traceId = traceIdOf(tree);
    const own = byTrace.get(traceId ?? '') ?? [];
    const wrong = traceId === undefined ? ['no service received a traceparent'] : verifyTree(tree);
    return { tree, traceId, spans: own, wrong: wrong.length ? wrong : verifySpans(tree, own, proxies) };
  });
}

/**
 * Trace ids that services received in more than one request: work filed under somebody else's request, which is worse than a trace that ends early.
 * Only for loads whose requests carry no traceparent of the client's.
 * @param {readonly Tree[]} trees @returns {string[]}
 */
export function crossedTraces(trees) {
  /** @type {Map<string, Set<string | null>>} */
  const requests = new Map();
  for (const entry of trees.flatMap(flatten)) {
    const context = parseTraceparent(entry.traceparent);
    if (context) requests.set(context.traceId, (requests.get(context.traceId) ?? new Set()).add(entry.request));
  }
  return [...requests].filter(([, ids]) => ids.size > 1).map(([traceId]) => traceId);
}
