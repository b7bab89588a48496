// SPDX-License-Identifier: Apache-2.0
import type { MapHandle } from '@obi/core';

/** A hash table as a driver sees it, without a kernel. */
export class MemoryTable implements MapHandle {
  readonly #entries = new Map<string, Buffer>();

  constructor(private readonly name: string) {}

  get size(): number {
    return this.#entries.size;
  }
  get info(): MapHandle['info'] {
    return { name: this.name, type: 1, keySize: 0, valueSize: 0, maxEntries: 0 };
  }
  readonly id = 0;

  lookup(key: Uint8Array): Uint8Array | undefined {
    return this.#entries.get(hex(key));
  }
  lookupPerCpu(): undefined {
    return undefined;
  }
  update(key: Uint8Array, value: Uint8Array): void {
    this.#entries.set(hex(key), Buffer.from(value));
  }
  delete(key: Uint8Array): boolean {
    return this.#entries.delete(hex(key));
  }
  keys(): Uint8Array[] {
    return [...this.#entries.keys()].map((key) => Buffer.from(key, 'hex'));
  }
  *entries(): Iterable<readonly [key: Buffer, value: Buffer]> {
    for (const [key, value] of [...this.#entries]) yield [Buffer.from(key, 'hex'), value];
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
