// SPDX-License-Identifier: Apache-2.0
// Draws obi's JSON lines with the console exporter of this repository.
/** @typedef {import('../tests/harness/obi.mjs').PrintedSpan} PrintedSpan */

const CODES = ['UNSET', 'OK', 'ERROR'];

/** @param {PrintedSpan} span as the exporter keeps it */
const toStored = (span) => ({
  traceId: span.traceId,
  spanId: span.spanId,
  parentSpanId: span.parentSpanId || undefined,
  name: span.name,
  kind: span.kind,
  startUnixNano: BigInt(span.startTimeUnixNano),
  endUnixNano: BigInt(span.endTimeUnixNano),
  attributes: span.attributes,
  status: { code: Math.max(0, CODES.indexOf(span.status.code)), message: span.status.message ?? '' },
  resource: { attributes: span.resource },
});

/** @returns {Promise<(spans: readonly PrintedSpan[]) => string>} @throws when the repository is not built */
export async function loadWaterfall() {
  const built = await import('../packages/exporter-console/dist/index.js').catch((/** @type {Error} */ cause) => {
    throw new Error(`the repository is not built, run npm run build first (${cause.message.split(' imported from ')[0]?.replace(`${process.cwd()}/`, '')})`);
  });
  return (spans) => built.renderWaterfall(spans.map(toStored)).trimEnd();
}
