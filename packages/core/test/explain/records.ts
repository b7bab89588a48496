// SPDX-License-Identifier: Apache-2.0
/** Records as a probe would send them, with the members that explain needs; the layout is not that of any probe. */
import type { ExplainableEvent } from '../../src/explain/record-store.js';
import { ObiCounter } from '../../src/generated/core.events.js';
import { attributeKey, type RecordView, SpanKind } from '../../src/span/span-writer.js';

export const SLOT = 3;
export const KIND = 7;
export const PLACES = { traceId: 16, spanId: 32, parentId: 40, scope: 48, scopeStartedNs: 56, request: 64, requestStartNs: 72, requestScope: 80, rule: 88 };
const PID = 92;
const START = 96;
const END = 104;
const SIZE = 112;
const PATH = attributeKey('url.path');

/** Millisecond `ms` of the test, as CLOCK_MONOTONIC: all of it lies in the past. */
const ORIGIN = process.hrtime.bigint() - 10_000_000_000n;
const at = (ms: number) => ORIGIN + BigInt(Math.round(ms * 1000)) * 1000n;

export interface Exchange {
  readonly span: string;
  readonly trace?: string;
  readonly parent?: string;
  readonly pid?: number;
  /** Of the thread; a bigint is an id as it is. */
  readonly scope?: number | bigint;
  readonly scopeStarted?: number;
  /** Of an outgoing request; none: it came in. */
  readonly rule?: keyof typeof ObiCounter;
  readonly request?: string;
  readonly requestStart?: number;
  readonly requestScope?: number | bigint;
  readonly start?: number;
  readonly end?: number;
}

export const TRACE = 'c0'.repeat(16);
/** `1` → `0000000000000001` */
export const id = (text: string): string => text.padStart(16, '0');

export function record(exchange: Exchange): RecordView {
  const {
    span,
    trace = TRACE,
    parent = '',
    pid = 100,
    scope = 101,
    scopeStarted,
    rule,
    request = '',
    requestStart,
    requestScope,
    start = 10,
    end = 20,
  } = exchange;
  const bytes = Buffer.alloc(SIZE);
  bytes.writeUInt16LE(SLOT, 0);
  bytes.writeUInt16LE(KIND, 2);
  bytes.write(trace, PLACES.traceId, 'hex');
  for (const [place, value] of [
    [PLACES.spanId, span],
    [PLACES.parentId, parent],
    [PLACES.request, request],
  ] as const)
    bytes.write(id(value), place, 'hex');
  const scopeId = (value: number | bigint) => (typeof value === 'bigint' ? value : (BigInt(pid) << 32n) | BigInt(value));
  bytes.writeBigUInt64LE(scopeId(scope), PLACES.scope);
  if (scopeStarted !== undefined) bytes.writeBigUInt64LE(at(scopeStarted), PLACES.scopeStartedNs);
  if (requestStart !== undefined) bytes.writeBigUInt64LE(at(requestStart), PLACES.requestStartNs);
  if (requestScope !== undefined) bytes.writeBigUInt64LE(scopeId(requestScope), PLACES.requestScope);
  if (rule !== undefined) bytes.writeUInt8(ObiCounter[rule], PLACES.rule);
  bytes.writeUInt32LE(pid, PID);
  bytes.writeBigUInt64LE(at(start), START);
  bytes.writeBigUInt64LE(at(end), END);
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), base: 0, length: SIZE };
}

/** Its decoder fails for pid 13 and writes nothing for pid 14. */
export const EVENT: ExplainableEvent = {
  probe: 'echo',
  struct: 'echo_event',
  places: PLACES,
  decoder: {
    decode({ view, bytes, base }, span) {
      const pid = view.getUint32(base + PID, true);
      if (pid === 14 || !span.begin(pid)) return;
      if (pid === 13) throw new Error('boom');
      const isClient = view.getUint8(base + PLACES.rule) !== 0;
      span.kind(isClient ? SpanKind.CLIENT : SpanKind.SERVER);
      span.ids(bytes, base + PLACES.traceId, base + PLACES.spanId, base + PLACES.parentId, 1);
      span.times(view, base + START, base + END);
      span.name(isClient ? 'GET' : 'GET /x');
      span.string(PATH, '/x');
      span.end();
    },
  },
};
