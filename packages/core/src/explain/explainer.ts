// SPDX-License-Identifier: Apache-2.0
/** Answers why a span has its parent, from the records that are kept. All of it happens in one go, between two batches of records. */

import { UnixClock } from '../time/unix-clock.js';
import { EXPLAIN_SCHEMA_VERSION, type ExplainAnswer, type ExplainedCause, type ExplainedSpan } from './answer.js';
import { type CauseRecord, readCause } from './cause-record.js';
import { AnswerClock } from './clock.js';
import { meanwhile } from './meanwhile.js';
import { type ProcessSources, processFacts } from './process-facts.js';
import type { ExplainableEvent, RecordStore } from './record-store.js';
import { factsOf, type SpanFacts } from './span-facts.js';
import { parseId } from './span-id.js';
import { verdictOf } from './verdict.js';

/** Of a larger trace the newest are shown. */
const MAX_SPANS = 500;
/** Spans of one answer that are looked around, each with a look through the store. */
const MAX_LOOKED_AROUND = 8;

export interface ExplainerSources extends ProcessSources {
  readonly store: RecordStore;
  readonly version: string;
  /** Is `traceparent` written in this run? */
  readonly propagates: boolean;
}

interface Found {
  readonly span: ExplainedSpan;
  readonly facts: SpanFacts;
}

export class Explainer {
  readonly #sources: ExplainerSources;
  readonly #unix = new UnixClock();

  constructor(sources: ExplainerSources) {
    this.#sources = sources;
  }

  /** @throws ObiError OBI_ERR_EXPLAIN_ID; an id that is in no record is an answer without spans. */
  answer(text: string): ExplainAnswer {
    const { kind, hex } = parseId(text);
    const clock = new AnswerClock(this.#unix);
    const { since, ...held } = this.#sources.store.state();
    const { found, omitted } = this.#find(hex, clock);
    const spans = found.map(({ span }) => span);
    const known = new Set(spans.map(({ spanId }) => spanId));
    const missing = new Set(spans.map(({ parentSpanId }) => parentSpanId).filter((id): id is string => id !== null && !known.has(id)));
    return {
      schemaVersion: EXPLAIN_SCHEMA_VERSION,
      obi: { pid: process.pid, version: this.#sources.version },
      asked: { kind, id: hex },
      at: new Date(clock.unixMs).toISOString(),
      store: { ...held, reachMs: since === undefined ? null : Math.max(0, clock.unixMs - since) },
      spans: this.#lookAround(found, kind),
      // of a trace all spans were asked for
      parents: kind === 'trace' ? [] : [...missing].slice(0, MAX_LOOKED_AROUND).flatMap((id) => this.#find(id, clock).found.map(({ span }) => span)),
      omitted,
    };
  }

  /** In the order in which they began. */
  #find(hex: string, clock: AnswerClock): { found: Found[]; omitted: number } {
    const found: Found[] = [];
    let omitted = 0;
    this.#sources.store.find(Buffer.from(hex, 'hex'), (record, event) => {
      if (found.length === MAX_SPANS) {
        omitted++;
        return;
      }
      const facts = factsOf(record, event);
      found.push({ facts, span: this.#explain(readCause(record, event), facts, event, clock) });
    });
    found.sort((one, other) => Number((one.facts.startNs ?? 0n) - (other.facts.startNs ?? 0n)));
    return { found, omitted };
  }

  /** Of a trace only where it ends: at requests that came in and led to nothing. */
  #lookAround(found: readonly Found[], kind: ExplainAnswer['asked']['kind']): ExplainedSpan[] {
    const parents = new Set(found.map(({ span }) => span.parentSpanId));
    let looks = MAX_LOOKED_AROUND;
    return found.map((each) => {
      const { spanId, verdict } = each.span;
      const isWanted = kind === 'span' || (verdict.rule === null && !parents.has(spanId));
      return isWanted && looks-- > 0 ? this.#withMeanwhile(each) : each.span;
    });
  }

  #withMeanwhile({ span, facts: { pid, startNs, endNs } }: Found): ExplainedSpan {
    const { kind } = span.verdict;
    const what = kind === 'orphan' ? 'open' : kind === 'incoming' || kind === 'root' ? 'orphans' : undefined;
    if (what === undefined || pid === undefined || startNs === undefined || endNs === undefined) return span;
    const around = meanwhile(this.#sources.store, { pid, what, fromNs: startNs, toNs: what === 'open' ? startNs : endNs });
    return { ...span, cause: { ...span.cause, meanwhile: around } };
  }

  #explain(cause: CauseRecord, facts: SpanFacts, { probe, struct }: ExplainableEvent, clock: AnswerClock): ExplainedSpan {
    const { startNs, endNs } = facts;
    const { process, program } = processFacts(this.#sources, facts.pid ?? cause.scope?.pid ?? undefined);
    return {
      traceId: cause.traceId,
      spanId: cause.spanId,
      parentSpanId: cause.parentId ?? null,
      probe,
      event: struct,
      kind: facts.kind,
      name: facts.name ?? null,
      began: startNs === undefined ? null : clock.iso(startNs),
      agoMs: startNs === undefined ? null : clock.agoMs(startNs),
      durationMs: startNs === undefined || endNs === undefined ? null : clock.ms(endNs - startNs),
      isError: facts.isError,
      attributes: facts.attributes,
      process,
      verdict: verdictOf(cause, program, this.#sources.propagates),
      cause: causeOf(cause, startNs, clock),
    };
  }
}

function causeOf(cause: CauseRecord, sentNs: bigint | undefined, clock: AnswerClock): ExplainedCause {
  const moment = (ns: bigint) => ({ at: clock.iso(ns), beforeMs: clock.ms((sentNs ?? ns) - ns) });
  return {
    scope: cause.scope,
    scopeStarted: cause.scopeStartedNs === 0n ? null : moment(cause.scopeStartedNs),
    request: cause.request === undefined ? null : { spanId: cause.request, began: moment(cause.requestStartNs), readBy: cause.requestScope },
    meanwhile: null,
  };
}
