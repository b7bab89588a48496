// SPDX-License-Identifier: Apache-2.0
/** The last records as they came, in a bounded number of bytes: nothing is decoded, and nothing is allocated before it is needed. */
import type { RecordView } from '../span/span-writer.js';

const MAX_CHUNK = 64 * 1024;
/** A full ring gives up one of its chunks at a time: at least so many, or little would be left then. */
const MIN_CHUNKS = 4;
/** u32 length before each record. */
const PREFIX_BYTES = 4;

interface Chunk {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  used: number;
  records: number;
  /** Unix milliseconds, when its first record came. */
  since: number;
}

/** How far back it reaches. */
export interface RingState {
  readonly records: number;
  readonly bytes: number;
  readonly capacityBytes: number;
  /** Unix milliseconds at which the oldest record came; undefined: there is none. */
  readonly since: number | undefined;
}

export class RecordRing {
  readonly capacityBytes: number;
  readonly #chunkBytes: number;
  readonly #maxChunks: number;
  /** The oldest first; records go into the last. */
  readonly #chunks: Chunk[] = [];

  /** @param bytes bound of all that it holds, above 0. */
  constructor(bytes: number) {
    this.#chunkBytes = Math.min(MAX_CHUNK, Math.ceil(bytes / MIN_CHUNKS));
    this.#maxChunks = Math.max(1, Math.floor(bytes / this.#chunkBytes));
    this.capacityBytes = this.#chunkBytes * this.#maxChunks;
  }

  /** Copies the record; one that is larger than a chunk is not kept. */
  push({ bytes, base, length }: RecordView): void {
    const needed = PREFIX_BYTES + length;
    if (needed > this.#chunkBytes) return;
    let chunk = this.#chunks.at(-1);
    if (!chunk || chunk.used + needed > this.#chunkBytes) chunk = this.#next();
    chunk.view.setUint32(chunk.used, length, true);
    chunk.bytes.set(bytes.subarray(base, base + length), chunk.used + PREFIX_BYTES);
    chunk.used += needed;
    chunk.records++;
  }

  /** Shows every record, those of the newest chunk first; inside a chunk in the order in which they came. `visit` returns true to stop, and keeps no view. */
  scan(visit: (record: RecordView) => boolean): void {
    for (let at = this.#chunks.length - 1; at >= 0; at--) {
      const { bytes, view, used } = this.#chunks[at] as Chunk;
      const record = { bytes, view, base: 0, length: 0 };
      for (let next = 0; next < used; next = record.base + record.length) {
        record.length = view.getUint32(next, true);
        record.base = next + PREFIX_BYTES;
        if (visit(record)) return;
      }
    }
  }

  state(): RingState {
    const total = (of: 'records' | 'used') => this.#chunks.reduce((sum, chunk) => sum + chunk[of], 0);
    return { records: total('records'), bytes: total('used'), capacityBytes: this.capacityBytes, since: this.#chunks[0]?.since };
  }

  /** A new chunk, or the oldest one, emptied. */
  #next(): Chunk {
    let chunk = this.#chunks.length < this.#maxChunks ? undefined : this.#chunks.shift();
    if (!chunk) {
      const buffer = new ArrayBuffer(this.#chunkBytes);
      chunk = { bytes: new Uint8Array(buffer), view: new DataView(buffer), used: 0, records: 0, since: 0 };
    }
    chunk.used = 0;
    chunk.records = 0;
    chunk.since = Date.now();
    this.#chunks.push(chunk);
    return chunk;
  }
}
