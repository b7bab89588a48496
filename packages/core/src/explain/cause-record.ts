// SPDX-License-Identifier: Apache-2.0
/** Reads `struct obi_trace` and `struct obi_cause` out of a record. */
import type { RecordView } from '../span/span-writer.js';
import type { ExplainedScope } from './answer.js';
import type { ExplainableEvent } from './record-store.js';

/** enum obi_counter has an unrelated counter at 0, so a cause without rule is one of an incoming request. */
const NO_RULE = 0;
/** OBI_SCOPE_DECLARED_ID (bpf/include/obi/scope.bpf.h). */
const DECLARED = 1n << 63n;

export interface CauseRecord {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | undefined;
  readonly isIncoming: boolean;
  readonly rule: number;
  readonly scope: ExplainedScope | null;
  readonly scopeStartedNs: bigint;
  /** Span id of the parent's request. */
  readonly request: string | undefined;
  readonly requestStartNs: bigint;
  readonly requestScope: ExplainedScope | null;
}

/** Of a request that came in the cause says only what read it. */
export const isIncoming = ({ view, base }: RecordView, { places }: ExplainableEvent): boolean => view.getUint8(base + places.rule) === NO_RULE;

/** Was a request found that caused it? */
export const hasParent = ({ view, base }: RecordView, { places }: ExplainableEvent): boolean => view.getBigUint64(base + places.request) !== 0n;

/** Process of the thread that sent or read it; undefined where a runtime probe's scope did. */
export function processOfScope({ view, base }: RecordView, { places }: ExplainableEvent): number | undefined {
  const high = view.getInt32(base + places.scope + 4, true);
  return high > 0 ? high : undefined;
}

export function readCause(record: RecordView, event: ExplainableEvent): CauseRecord {
  const { bytes, view, base } = record;
  const { places } = event;
  const hex = (at: number, size: number) => Buffer.from(bytes.buffer, bytes.byteOffset + base + at, size).toString('hex');
  const id = (at: number) => (view.getBigUint64(base + at) === 0n ? undefined : hex(at, 8));
  const u64 = (at: number) => view.getBigUint64(base + at, true);
  return {
    traceId: hex(places.traceId, 16),
    spanId: hex(places.spanId, 8),
    parentId: id(places.parentId),
    isIncoming: isIncoming(record, event),
    rule: view.getUint8(base + places.rule),
    scope: scopeOf(u64(places.scope)),
    scopeStartedNs: u64(places.scopeStartedNs),
    // a span id, read as a number
    request: id(places.request),
    requestStartNs: u64(places.requestStartNs),
    requestScope: scopeOf(u64(places.requestScope)),
  };
}

function scopeOf(id: bigint): ExplainedScope | null {
  if (id === 0n) return null;
  const hex = id.toString(16).padStart(16, '0');
  if (id & DECLARED) return { id: hex, kind: 'declared', pid: null, tid: null };
  return { id: hex, kind: 'thread', pid: Number(id >> 32n), tid: Number(id & 0xffff_ffffn) };
}
