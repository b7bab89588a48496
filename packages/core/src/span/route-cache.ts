// SPDX-License-Identifier: Apache-2.0
/** Remembers the routes of paths by their bytes, so that a path that comes again costs neither a string nor an object. */
import type { Route } from './routes.js';

const SETS = 512;
/** Places of one hash: with one only, two frequent paths that share it would drive each other out all the time. */
const WAYS = 4;
/** Longer paths are not remembered. */
const KEY_BYTES = 128;

/** A fixed piece of memory (about 290 kB) for 2048 paths; a new one takes the place of the oldest of its hash. */
export class RouteCache {
  readonly #keys = new Uint8Array(SETS * WAYS * KEY_BYTES);
  readonly #hashes = new Int32Array(SETS * WAYS);
  readonly #lengths = new Uint8Array(SETS * WAYS);
  readonly #routes: (Route | undefined)[] = new Array<Route | undefined>(SETS * WAYS).fill(undefined);
  readonly #next = new Uint8Array(SETS);

  get(hash: number, bytes: Uint8Array, start: number, end: number): Route | undefined {
    const first = (hash & (SETS - 1)) * WAYS;
    for (let place = first; place < first + WAYS; place++) {
      if (this.#hashes[place] === hash && this.#lengths[place] === end - start && this.#holds(place, bytes, start, end)) return this.#routes[place];
    }
    return undefined;
  }

  set(hash: number, bytes: Uint8Array, start: number, end: number, route: Route): void {
    if (end - start > KEY_BYTES) return;
    const set = hash & (SETS - 1);
    const way = this.#next[set] as number;
    const place = set * WAYS + way;
    this.#next[set] = (way + 1) % WAYS;
    this.#keys.set(bytes.subarray(start, end), place * KEY_BYTES);
    this.#hashes[place] = hash;
    this.#lengths[place] = end - start;
    this.#routes[place] = route;
  }

  clear(): void {
    this.#lengths.fill(0);
  }

  #holds(place: number, bytes: Uint8Array, start: number, end: number): boolean {
    const keys = this.#keys;
    for (let i = start, key = place * KEY_BYTES; i < end; i++, key++) if (keys[key] !== bytes[i]) return false;
    return true;
  }
}

/** A hash of bytes[start, end), four bytes at a time. @returns an int32 */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 ^ (end - start);
  let i = start;
  for (; i + 3 < end; i += 4) {
    const word = (bytes[i] as number) | ((bytes[i + 1] as number) << 8) | ((bytes[i + 2] as number) << 16) | ((bytes[i + 3] as number) << 24);
    hash = Math.imul(hash ^ word, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  for (; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  return hash ^ (hash >>> 16);
}
