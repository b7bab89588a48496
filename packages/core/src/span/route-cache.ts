// SPDX-License-Identifier: Apache-2.0
/** Remembers the routes of paths by their bytes, so that a path that comes again costs neither a string nor an object. */
import type { Route } from './routes.js';

const SLOTS = 2048;
/** Longer paths are not remembered. */
const KEY_BYTES = 128;

/** A fixed piece of memory (about 270 kB): a path that falls into the slot of another one takes it over. */
export class RouteCache {
  readonly #keys = new Uint8Array(SLOTS * KEY_BYTES);
  readonly #lengths = new Uint8Array(SLOTS);
  readonly #routes: (Route | undefined)[] = new Array<Route | undefined>(SLOTS).fill(undefined);

  /** Where the path of this hash lies, or would. */
  static slot(bytes: Uint8Array, start: number, end: number): number {
    // FNV-1a
    let hash = 0x811c9dc5;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
    return (hash ^ (hash >>> 16)) & (SLOTS - 1);
  }

  get(slot: number, bytes: Uint8Array, start: number, end: number): Route | undefined {
    if (this.#lengths[slot] !== end - start) return undefined;
    const keys = this.#keys;
    for (let i = start, key = slot * KEY_BYTES; i < end; i++, key++) if (keys[key] !== bytes[i]) return undefined;
    return this.#routes[slot];
  }

  set(slot: number, bytes: Uint8Array, start: number, end: number, route: Route): void {
    if (end - start > KEY_BYTES) return;
    this.#keys.set(bytes.subarray(start, end), slot * KEY_BYTES);
    this.#lengths[slot] = end - start;
    this.#routes[slot] = route;
  }

  clear(): void {
    this.#lengths.fill(0);
  }
}
