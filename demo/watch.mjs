// SPDX-License-Identifier: Apache-2.0
// `--keep`: everything stays up, and each further request is drawn when its trace is complete.

/** After a trace's root came, how long its other spans may still be on their way. */
const SETTLE_MS = 500;

/** @typedef {import('../tests/harness/obi.mjs').PrintedSpan} PrintedSpan */

/**
 * @param {import('../tests/harness/obi.mjs').Obi} obi
 * @param {(spans: readonly PrintedSpan[]) => string} draw @param {(text: string) => void} say
 * @param {Promise<unknown>} ended resolves when it is enough
 */
export async function watch(obi, draw, say, ended) {
  /** @type {Map<string, PrintedSpan[]>} */
  const open = new Map();
  /** @type {Set<NodeJS.Timeout>} */
  const timers = new Set();
  obi.onSpan = (span) => {
    const spans = open.get(span.traceId) ?? [];
    spans.push(span);
    open.set(span.traceId, spans);
    if (span.parentSpanId) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      open.delete(span.traceId);
      say(`\n${draw(spans)}`);
    }, SETTLE_MS);
    timers.add(timer);
  };
  await Promise.race([ended, obi.proc.exited]);
  obi.onSpan = undefined;
  for (const timer of timers) clearTimeout(timer);
}
