// SPDX-License-Identifier: Apache-2.0
/**
 * Buffers for request bodies, used again after they were sent. The hot path allocates nothing else, so the collector would
 * seldom run, and bodies would pile up outside the heap to V8's limit of tens of MiB before it does.
 */

/** Smaller bodies are made to measure: a pooled one would hold more memory than the queue's bound counts. */
const MIN_POOLED = 32 * 1024;
const STEP = 32 * 1024;
const MAX_KEPT_BYTES = 2 * 1024 * 1024;

export class BodyPool {
  private readonly free: ArrayBuffer[] = [];
  private freeBytes = 0;

  /** @returns `size` bytes of any content. */
  take(size: number): Buffer {
    if (size < MIN_POOLED) return Buffer.allocUnsafeSlow(size);
    const at = this.free.findIndex((memory) => memory.byteLength >= size && memory.byteLength <= size * 2);
    const [found] = at < 0 ? [] : this.free.splice(at, 1);
    if (found === undefined) return Buffer.allocUnsafeSlow(Math.ceil(size / STEP) * STEP).subarray(0, size);
    this.freeBytes -= found.byteLength;
    return Buffer.from(found, 0, size);
  }

  /** Gives `body` back: nobody may read it from now on. Call it once per body, or not at all. */
  give(body: Buffer): void {
    const memory = body.buffer;
    const size = memory.byteLength;
    if (!(memory instanceof ArrayBuffer) || size < MIN_POOLED || this.freeBytes + size > MAX_KEPT_BYTES) return;
    this.freeBytes += size;
    this.free.push(memory);
  }
}
