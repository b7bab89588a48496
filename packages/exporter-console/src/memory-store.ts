// SPDX-License-Identifier: Apache-2.0
/** Spans kept in memory, by trace: the sink of the demo, of tests, and of an obi that was given no receiver. */
import type { ExporterStats, ProcessDirectory, SpanExporter, SpanWriter } from '@obi/core';
import { ObjectSpanWriter } from './object-span-writer.js';
import type { StoredSpan } from './stored-span.js';

export interface MemoryStoreOptions {
  readonly directory: ProcessDirectory;
  /** When there are more, the oldest traces go, whole, and are counted as dropped. Default 10 000. */
  readonly maxSpans?: number;
}

export class MemoryStore implements SpanExporter {
  readonly name = 'memory';
  readonly writer: SpanWriter;
  private readonly maxSpans: number;
  /** In the order in which the traces' first spans came. */
  private readonly traces = new Map<string, StoredSpan[]>();
  private size = 0;
  private total = 0;
  private evicted = 0;
  private full = 0;
  private incomplete = 0;

  constructor({ directory, maxSpans = 10_000 }: MemoryStoreOptions) {
    this.maxSpans = maxSpans;
    const onIncomplete = (): void => {
      this.total++;
      this.incomplete++;
    };
    this.writer = new ObjectSpanWriter(directory, (span) => this.add(span), onIncomplete);
  }

  /** Ids of the stored traces, oldest first. */
  traceIds(): readonly string[] {
    return [...this.traces.keys()];
  }

  /** The spans of one trace, in the order in which they ended; empty when there is none. */
  trace(traceId: string): readonly StoredSpan[] {
    return [...(this.traces.get(traceId) ?? [])];
  }

  /** All stored spans, trace by trace. */
  spans(): readonly StoredSpan[] {
    return [...this.traces.values()].flat();
  }

  /** Forgets all spans; they do not count as dropped. */
  clear(): void {
    this.traces.clear();
    this.size = 0;
  }

  tick(): void {}

  async flush(): Promise<void> {}

  stats(): ExporterStats {
    const { evicted, full, incomplete } = this;
    const dropped = Object.entries({ evicted, trace_too_large: full, incomplete }).filter(([, count]) => count > 0);
    return {
      spans: this.total,
      exported: this.total - evicted - full - incomplete,
      dropped: Object.fromEntries(dropped),
      failedRequests: 0,
      heldSpans: 0,
      heldBytes: 0,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  private add(span: StoredSpan): void {
    this.total++;
    const trace = this.traces.get(span.traceId);
    if (trace === undefined) this.traces.set(span.traceId, [span]);
    else trace.push(span);
    this.size++;
    while (this.size > this.maxSpans) this.evict(span);
  }

  /** Drops the oldest trace; when that is the one of `newest` itself, only `newest`. */
  private evict(newest: StoredSpan): void {
    const [oldest] = this.traces;
    if (oldest === undefined) return;
    const [traceId, spans] = oldest;
    if (traceId === newest.traceId) {
      spans.pop();
      if (spans.length === 0) this.traces.delete(traceId);
      this.size--;
      this.full++;
      return;
    }
    this.traces.delete(traceId);
    this.size -= spans.length;
    this.evicted += spans.length;
  }
}
