// SPDX-License-Identifier: Apache-2.0
/** What `obi explain` is told, and prints with `--json`. */
import type { AttributeValue } from '../span/process-resource.js';

/** Raised when a field changes its meaning or goes away; new fields do not raise it. */
export const EXPLAIN_SCHEMA_VERSION = 1;

export interface ExplainAnswer {
  readonly schemaVersion: number;
  /** The obi that answers. */
  readonly obi: { readonly pid: number; readonly version: string };
  readonly asked: { readonly kind: 'trace' | 'span'; readonly id: string };
  /** ISO 8601, when it was answered. */
  readonly at: string;
  readonly store: StoreState;
  /** The span (more than one where an application sent a `traceparent` twice), or those of the trace by their beginning; empty: not in the store. */
  readonly spans: readonly ExplainedSpan[];
  /** Parents of `spans` that are in the store and not among them. */
  readonly parents: readonly ExplainedSpan[];
  /** How many more spans of the trace there are than the answer has room for. */
  readonly omitted: number;
}

export interface StoreState {
  readonly records: number;
  readonly bytes: number;
  readonly capacityBytes: number;
  /** Age of the oldest record; null: there is none. */
  readonly reachMs: number | null;
}

export interface ExplainedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | null;
  readonly probe: string;
  readonly event: string;
  /** `server`, `client`, …; `span` when its decoder wrote none (an ignored route). */
  readonly kind: string;
  readonly name: string | null;
  readonly began: string | null;
  readonly agoMs: number | null;
  readonly durationMs: number | null;
  readonly isError: boolean;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly process: ExplainedProcess;
  readonly verdict: Verdict;
  readonly cause: ExplainedCause;
}

export interface ExplainedProcess {
  readonly pid: number | null;
  /** Null: not traced any more, and forgotten. */
  readonly service: string | null;
  readonly executable: string | null;
  /** How requests and threads go together in it; null: it has ended. */
  readonly model: string | null;
  /** What a runtime probe makes of it now; null: none applies. */
  readonly runtime: { readonly probe: string; readonly state: string; readonly reason?: string } | null;
}

/**
 * `joined`: an outgoing request with a parent · `orphan`: one without · `own`: one with the application's own `traceparent`, of another trace ·
 * `incoming`: its caller sent the parent · `root`: its caller sent none.
 */
export interface Verdict {
  readonly kind: 'joined' | 'orphan' | 'own' | 'incoming' | 'root';
  /** Name of the counter; null for incoming requests. */
  readonly rule: string | null;
  readonly short: string;
  readonly why: string;
  /** What it would have taken to have a parent; null: it has one. */
  readonly needed: string | null;
}

export interface ExplainedCause {
  /** What sent the request, or read it (`incoming`, `root`). */
  readonly scope: ExplainedScope | null;
  /** When that scope was started. */
  readonly scopeStarted: Moment | null;
  readonly request: { readonly spanId: string; readonly began: Moment; readonly readBy: ExplainedScope | null } | null;
  /**
   * As far as there are records: for an orphan, requests that its process was serving when it was sent; for an incoming request (of a trace: one without
   * children), what its process sent without a parent while it was open. Null: not looked for.
   */
  readonly meanwhile: Meanwhile | null;
}

export interface Meanwhile {
  readonly count: number;
  readonly first: readonly SpanName[];
}

export interface SpanName {
  readonly spanId: string;
  readonly traceId: string;
  readonly name: string | null;
}

export interface ExplainedScope {
  /** 16 hexadecimal digits. */
  readonly id: string;
  /** `declared`: by a runtime probe. */
  readonly kind: 'thread' | 'declared';
  readonly pid: number | null;
  readonly tid: number | null;
}

export interface Moment {
  readonly at: string;
  /** Milliseconds before the request was sent. */
  readonly beforeMs: number;
}
