// SPDX-License-Identifier: Apache-2.0
/** The batch that is being filled: one run of bytes per process, cut into a request when it is full or old enough. */
import type { ProcessResource } from '@obi/core';
import { BodyPool } from './body-pool.js';
import { encodeRequest } from './encode-request.js';
import { encodeResource } from './encode-resource.js';
import { ResourceBatch } from './resource-batch.js';

/** A request body and what it holds. */
export interface EncodedRequest {
  readonly body: Buffer;
  readonly spans: number;
}

export interface SpanBatchOptions {
  readonly maxSpans: number;
  readonly maxBytes: number;
  /** From `encodeScope`. */
  readonly scope: Uint8Array;
  /** Called inside `end()` of the span that filled the batch; calls `take`. */
  readonly onFull: () => void;
}

/** Emptied buffers are kept for the next batch up to this many bytes in all; the rest goes to the garbage collector. */
const MAX_SPARE_BYTES = 1024 * 1024;

export class SpanBatch {
  /** Spans in the batch. */
  spans = 0;
  /** Their bytes, without the resources. */
  bytes = 0;
  /** Spans that were ended since the start, refused ones included. */
  total = 0;
  /** Spans that were ended without ids or times. */
  incomplete = 0;
  /** Where bodies come from; whoever is done with one may give it back. */
  readonly bodies = new BodyPool();
  private readonly byResource: (ResourceBatch | undefined)[] = [];
  private readonly used: ResourceBatch[] = [];
  private readonly spare: ResourceBatch[] = [];
  private spareBytes = 0;
  private readonly headers = new WeakMap<ProcessResource, Buffer>();

  constructor(private readonly options: SpanBatchOptions) {}

  /** The run of `resource`. */
  of(resource: ProcessResource): ResourceBatch {
    const found = this.byResource[resource.id];
    return found !== undefined && found.resource === resource ? found : this.open(resource);
  }

  /** The span behind `committed` is whole. */
  commit(current: ResourceBatch): void {
    this.total++;
    this.bytes += current.out.pos - current.committed;
    current.committed = current.out.pos;
    current.spans++;
    this.spans++;
    if (this.spans >= this.options.maxSpans || this.bytes >= this.options.maxBytes) this.options.onFull();
  }

  refuse(): void {
    this.total++;
    this.incomplete++;
  }

  /** Empties the batch into one request; undefined when it has no span. Call it between spans only. */
  take(): EncodedRequest | undefined {
    const filled = this.used.filter((batch) => batch.spans > 0);
    const request = filled.length === 0 ? undefined : { body: encodeRequest(filled, this.options.scope, this.bodies), spans: this.spans };
    for (const batch of this.used) this.release(batch);
    this.used.length = 0;
    this.spans = 0;
    this.bytes = 0;
    return request;
  }

  private open(resource: ProcessResource): ResourceBatch {
    let header = this.headers.get(resource);
    if (header === undefined) {
      header = encodeResource(resource);
      this.headers.set(resource, header);
    }
    const batch = this.spare.pop() ?? new ResourceBatch();
    this.spareBytes = this.spare.length === 0 ? 0 : this.spareBytes - batch.out.capacity;
    batch.assign(resource, header);
    this.byResource[resource.id] = batch;
    this.used.push(batch);
    return batch;
  }

  private release(batch: ResourceBatch): void {
    if (batch.resource !== undefined && this.byResource[batch.resource.id] === batch) this.byResource[batch.resource.id] = undefined;
    batch.resource = undefined;
    batch.header = undefined;
    batch.committed = 0;
    batch.out.pos = 0;
    batch.spans = 0;
    if (this.spareBytes + batch.out.capacity > MAX_SPARE_BYTES) return;
    this.spareBytes += batch.out.capacity;
    this.spare.push(batch);
  }
}
