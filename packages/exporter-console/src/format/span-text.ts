// SPDX-License-Identifier: Apache-2.0
/** A span as one line of text. */
import { StatusCode } from '@obi/core';
import type { StoredSpan } from '../stored-span.js';
import { printable } from '../terminal/text.js';
import { serviceOf } from '../waterfall/build-traces.js';
import { formatDuration } from './duration.js';
import { kindName } from './span-json.js';

/** Values beyond this many characters are cut. */
const MAX_VALUE = 120;

/** e.g. `2026-11-22T13:00:00.123456Z SERVER shop "GET /cart" 4.2 ms trace=… span=… parent=… http.route=/cart`; no line feed at its end. */
export function spanToText(span: StoredSpan): string {
  const parts = [
    timestamp(span.startUnixNano),
    kindName(span.kind).padEnd(8),
    printable(serviceOf(span)),
    JSON.stringify(printable(span.name)),
    formatDuration(span.endUnixNano - span.startUnixNano),
  ];
  if (span.status.code === StatusCode.ERROR) parts.push(`ERROR${span.status.message === '' ? '' : `(${printable(span.status.message)})`}`);
  parts.push(`trace=${span.traceId}`, `span=${span.spanId}`);
  if (span.parentSpanId !== undefined) parts.push(`parent=${span.parentSpanId}`);
  for (const [key, value] of Object.entries(span.attributes)) parts.push(`${printable(key)}=${show(value)}`);
  if (span.events.length > 0) parts.push(`events=${show(span.events.map(({ name }) => name).join(','))}`);
  if (span.links.length > 0) parts.push(`links=${span.links.map(({ traceId, spanId }) => `${traceId}-${spanId}`).join(',')}`);
  return parts.join(' ');
}

/** ISO 8601 with microseconds. */
function timestamp(unixNano: bigint): string {
  const micros = unixNano / 1000n;
  const iso = new Date(Number(micros / 1000n)).toISOString();
  return `${iso.slice(0, -1)}${String(micros % 1000n).padStart(3, '0')}Z`;
}

function show(value: unknown): string {
  const text = printable(typeof value === 'string' ? value : JSON.stringify(value));
  const cut = text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text;
  return /[\s"=]/.test(cut) || cut === '' ? JSON.stringify(cut) : cut;
}
