// SPDX-License-Identifier: Apache-2.0
/** Requests on their way: a queue bounded in bytes, sent a few at a time, retried together when the receiver is unavailable. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { OtlpConfig } from '../config/otlp-config.js';
import type { EncodedRequest } from '../encode/span-batch.js';
import { Backoff, MAX_RETRY_AFTER_MS } from './backoff.js';
import type { SendResult } from './classify.js';
import type { Transport } from './http-transport.js';
import { LogOnce } from './log-once.js';
import type { ExporterLog, QueuedRequest, SendDropReason } from './queued-request.js';

const compress = promisify<Buffer, { level: number }, Buffer>(gzip);
/** Level 1: OTLP repeats itself, so higher levels cost more than they save. */
const GZIP = { level: 1 };

export class Sender implements Disposable {
  exported = 0;
  failedRequests = 0;
  heldSpans = 0;
  heldBytes = 0;
  readonly dropped: Partial<Record<SendDropReason, number>> = {};
  private readonly waiting: QueuedRequest[] = [];
  private readonly underWay = new Set<QueuedRequest>();
  private readonly backoff: Backoff;
  private readonly refusals: LogOnce;
  private readonly drops: LogOnce;
  private pause: NodeJS.Timeout | undefined;
  private pausedByReceiver = false;
  private idle: (() => void)[] = [];
  private closed = false;

  constructor(
    private readonly transport: Transport,
    private readonly config: OtlpConfig,
    private readonly log: ExporterLog,
    /** Called with each body that is not needed any more. */
    private readonly recycle: (body: Buffer) => void = () => undefined,
  ) {
    this.backoff = new Backoff(config.retry);
    this.refusals = new LogOnce((message, fields) => log.error(message, fields));
    this.drops = new LogOnce((message, fields) => log.warn(message, fields));
  }

  /** Takes over `request`; drops it when the queue is full. Does not wait for anything. */
  offer(request: EncodedRequest): void {
    const bytes = request.body.length;
    this.heldSpans += request.spans;
    this.heldBytes += bytes;
    const item: QueuedRequest = { body: request.body, spans: request.spans, bytes, compressed: false, deadline: undefined };
    if (this.closed) this.drop(item, 'shutdown');
    else if (this.heldBytes > this.config.maxQueueBytes) this.drop(item, 'queue_full');
    else {
      this.waiting.push(item);
      this.pump();
    }
  }

  /** Tries again at once, unless the receiver asked for the wait. @returns when nothing is held, or after `timeoutMs`. */
  async flush(timeoutMs: number): Promise<void> {
    if (this.pause !== undefined && !this.pausedByReceiver) this.resume();
    if (this.heldSpans === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    const sent = new Promise<void>((resolve) => this.idle.push(resolve));
    await Promise.race([sent, timeout]);
    clearTimeout(timer);
  }

  /** Gives up what is held. */
  [Symbol.dispose](): void {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.pause);
    for (const item of [...this.underWay, ...this.waiting.splice(0)]) this.drop(item, 'shutdown');
    this.transport[Symbol.dispose]();
  }

  private pump(): void {
    // After a failure one request alone finds out whether the receiver is back.
    const limit = this.backoff.failures > 0 ? 1 : this.config.maxConcurrentRequests;
    while (!this.closed && this.pause === undefined && this.underWay.size < limit) {
      const item = this.waiting.shift();
      if (item === undefined) return;
      this.underWay.add(item);
      this.send(item).catch((error: unknown) => this.fail(item, error));
    }
  }

  private async send(item: QueuedRequest): Promise<void> {
    if (this.config.compression === 'gzip' && !item.compressed) {
      const raw = item.body;
      item.body = await compress(raw, GZIP);
      item.compressed = true;
      this.recycle(raw);
      if (this.closed) return;
    }
    const result = await this.transport.send(item.body);
    if (this.closed) return; // counted as dropped already
    this.underWay.delete(item);
    this.settle(item, result);
    this.pump();
  }

  /** What should not happen: compression failed, or the transport threw. The same would happen again. */
  private fail(item: QueuedRequest, error: unknown): void {
    if (this.closed) return; // counted as dropped already
    this.underWay.delete(item);
    this.failedRequests++;
    const reason = error instanceof Error ? error.message : String(error);
    this.refusals.write(reason, `OTLP request cannot be sent: ${reason}`, { endpoint: this.config.endpoint });
    this.drop(item, 'refused');
    this.pump();
  }

  private settle(item: QueuedRequest, result: SendResult): void {
    if (result.outcome === 'unavailable') {
      this.retry(item, result.reason, result.retryAfterMs);
      return;
    }
    if (this.backoff.failures > 0) this.log.info('OTLP receiver answers again', { endpoint: this.config.endpoint });
    this.backoff.reset();
    if (result.outcome === 'refused') {
      this.failedRequests++;
      this.refusals.write(result.topic ?? result.reason, `OTLP receiver refuses spans: ${result.reason}`, { endpoint: this.config.endpoint });
      this.drop(item, 'refused');
      return;
    }
    const rejected = Math.min(result.partial?.rejectedSpans ?? 0, item.spans);
    if (result.partial !== undefined) {
      const { message } = result.partial;
      this.drops.write(`partial: ${message}`, `OTLP receiver took a request partly: ${message}`, { rejectedSpans: rejected });
      this.count('partial_success', rejected);
    }
    this.exported += item.spans - rejected;
    this.release(item);
    if (!item.compressed) this.recycle(item.body);
  }

  private retry(item: QueuedRequest, reason: string, retryAfterMs: number | undefined): void {
    this.failedRequests++;
    const now = performance.now();
    if (this.backoff.failures === 0) {
      this.log.warn(`OTLP receiver is unavailable, trying again: ${reason}`, { endpoint: this.config.endpoint });
    }
    if (item.deadline !== undefined && now >= item.deadline) this.drop(item, 'unavailable');
    else {
      item.deadline ??= now + this.config.retry.giveUpAfterMs;
      item.deadline += Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS);
      this.waiting.unshift(item);
    }
    // Requests that were under way together fail together: that is one failure.
    if (this.pause !== undefined && retryAfterMs === undefined) return;
    clearTimeout(this.pause);
    this.pausedByReceiver = retryAfterMs !== undefined;
    this.pause = setTimeout(() => this.resume(), this.backoff.next(retryAfterMs));
  }

  private resume(): void {
    clearTimeout(this.pause);
    this.pause = undefined;
    this.pump();
  }

  private drop(item: QueuedRequest, reason: SendDropReason): void {
    this.count(reason, item.spans);
    if (reason === 'queue_full' || reason === 'unavailable') {
      this.drops.write(reason, `OTLP spans are lost (${reason}); further ones are only counted`, { spans: item.spans });
    }
    this.release(item);
  }

  private count(reason: SendDropReason, spans: number): void {
    if (spans > 0) this.dropped[reason] = (this.dropped[reason] ?? 0) + spans;
  }

  private release(item: QueuedRequest): void {
    this.heldSpans -= item.spans;
    this.heldBytes -= item.bytes;
    if (this.heldSpans > 0) return;
    const waiters = this.idle;
    this.idle = [];
    for (const resolve of waiters) resolve();
  }
}
