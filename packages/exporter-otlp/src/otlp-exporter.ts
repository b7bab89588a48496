// SPDX-License-Identifier: Apache-2.0
/** Spans to an OTLP receiver: ties the writer, the batch, the clock and the sender together. */
import { type ExporterStats, type ProcessDirectory, type SpanExporter, type SpanWriter, UnixClock } from '@obi/core/probe';
import type { OtlpConfig } from './config/otlp-config.js';
import { encodeScope } from './encode/encode-resource.js';
import { OtlpSpanWriter } from './encode/otlp-span-writer.js';
import { SpanBatch } from './encode/span-batch.js';
import { HttpTransport, type Transport } from './export/http-transport.js';
import type { ExporterLog } from './export/queued-request.js';
import { Sender } from './export/sender.js';

/** Name of the instrumentation scope of all spans. */
export const SCOPE_NAME = 'obi';

export interface OtlpExporterOptions {
  readonly config: OtlpConfig;
  readonly directory: ProcessDirectory;
  readonly log: ExporterLog;
  /** Version of obi: the scope's version, and part of the user agent. */
  readonly version: string;
  /** Replaces HTTP, in tests. */
  readonly transport?: Transport;
  readonly clock?: UnixClock;
}

export class OtlpExporter implements SpanExporter {
  readonly name = 'otlp';
  readonly writer: SpanWriter;
  private readonly config: OtlpConfig;
  private readonly batch: SpanBatch;
  private readonly clock: UnixClock;
  private readonly sender: Sender;
  /** When the batch was first seen with a span in it. */
  private waitingSince: number | undefined;

  /** @throws when a TLS file of the configuration cannot be read. */
  constructor({ config, directory, log, version, transport, clock }: OtlpExporterOptions) {
    this.config = config;
    this.clock = clock ?? new UnixClock();
    this.batch = new SpanBatch({
      maxSpans: config.maxBatchSpans,
      maxBytes: config.maxBatchBytes,
      scope: encodeScope(SCOPE_NAME, version),
      onFull: () => this.cut(),
    });
    this.sender = new Sender(transport ?? new HttpTransport(config, version), config, log, (body) => this.batch.bodies.give(body));
    this.writer = new OtlpSpanWriter(directory, this.batch, this.clock);
  }

  tick(): void {
    this.clock.refresh();
    if (this.batch.spans === 0) {
      this.waitingSince = undefined;
      return;
    }
    const now = performance.now();
    this.waitingSince ??= now;
    if (now - this.waitingSince >= this.config.scheduleDelayMs) this.cut();
  }

  async flush(timeoutMs: number): Promise<void> {
    this.cut();
    await this.sender.flush(timeoutMs);
  }

  stats(): ExporterStats {
    const { batch, sender } = this;
    return {
      spans: batch.total,
      exported: sender.exported,
      dropped: { ...sender.dropped, ...(batch.incomplete > 0 ? { incomplete: batch.incomplete } : {}) },
      failedRequests: sender.failedRequests,
      heldSpans: batch.spans + sender.heldSpans,
      heldBytes: batch.bytes + sender.heldBytes,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush(this.config.shutdownTimeoutMs);
    this.sender[Symbol.dispose]();
  }

  private cut(): void {
    this.waitingSince = undefined;
    const request = this.batch.take();
    if (request !== undefined) this.sender.offer(request);
  }
}
