// SPDX-License-Identifier: Apache-2.0
/** The other half of a join that is missing: which requests a process had open when it sent an orphan, and which orphans it sent while it served a request. */
import type { RecordView } from '../span/span-writer.js';
import type { Meanwhile, SpanName } from './answer.js';
import { hasParent, isIncoming, processOfScope, readCause } from './cause-record.js';
import type { ExplainableEvent, RecordStore } from './record-store.js';
import { factsOf } from './span-facts.js';

const MAX_NAMED = 5;

export interface Question {
  readonly pid: number;
  /** `open`: requests being served at some time from `fromNs` to `toNs`; `orphans`: requests sent in that time that have no parent. */
  readonly what: 'open' | 'orphans';
  readonly fromNs: bigint;
  readonly toNs: bigint;
}

/** One look through the store; decoded are only records of the process and the kind in question. */
export function meanwhile(store: RecordStore, { pid, what, fromNs, toNs }: Question): Meanwhile {
  const isWanted = (record: RecordView, event: ExplainableEvent) =>
    isIncoming(record, event) === (what === 'open') && !hasParent(record, event) && (processOfScope(record, event) ?? pid) === pid;
  const first: SpanName[] = [];
  let count = 0;
  store.each((record, event) => {
    if (!isWanted(record, event)) return;
    const facts = factsOf(record, event);
    if (facts.pid !== pid || facts.startNs === undefined || facts.endNs === undefined) return;
    const until = what === 'open' ? facts.endNs : facts.startNs;
    if (facts.startNs > toNs || until < fromNs) return;
    count++;
    if (first.length === MAX_NAMED) return;
    const { spanId, traceId } = readCause(record, event);
    first.push({ spanId, traceId, name: facts.name ?? null });
  });
  return { count, first };
}
