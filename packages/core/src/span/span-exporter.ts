// SPDX-License-Identifier: Apache-2.0
/** What every sink of spans is: a writer that takes them, and the life cycle around it. */
import type { SpanWriter } from './span-writer.js';

/** Since the start of the exporter. At any moment `spans` = `exported` + all of `dropped` + `heldSpans`. */
export interface ExporterStats {
  /** Spans that decoders ended. */
  readonly spans: number;
  /** Spans that the receiver took (a printer: that were printed; a store: that were stored). */
  readonly exported: number;
  /** Lost spans by reason, e.g. `queue_full`. Reasons are stable snake_case names, fit for a metric's label. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Requests, or writes, that failed; those that a retry mended are counted too. */
  readonly failedRequests: number;
  /** Spans that wait to be sent. */
  readonly heldSpans: number;
  /** Encoded bytes that wait to be sent. */
  readonly heldBytes: number;
}

/** All sinks of this run: `readonly SpanExporter[]`. */
export const SpanExporters = Symbol.for('obi.SpanExporters');
/**
 * One sink. Core writes spans into `writer`, calls `tick` after each drained batch and on a timer (100 ms or less), and
 * disposes of the exporter at the end: disposal flushes within the exporter's own time limit and never throws.
 */
export interface SpanExporter extends AsyncDisposable {
  /** For logs and health output, e.g. `otlp`. */
  readonly name: string;
  readonly writer: SpanWriter;
  /** Cheap when there is nothing to do. Sends what has waited long enough, without blocking. */
  tick(): void;
  /**
   * Sends what is held now.
   * @returns a promise that resolves when all of it was sent or given up, at the latest after `timeoutMs`; it never rejects.
   */
  flush(timeoutMs: number): Promise<void>;
  stats(): ExporterStats;
}
