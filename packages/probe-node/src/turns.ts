// SPDX-License-Identifier: Apache-2.0
/** One at a time in each network namespace. */
import { namespaceOf } from './process-status.js';

export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `action` when those before it have ended, however they did; not at all when `signal` was aborted by then. */
  async take<T>(pid: number, signal: AbortSignal, action: () => Promise<T>): Promise<T> {
    const place = namespaceOf(pid, 'net') ?? '';
    const before = this.#last.get(place) ?? Promise.resolve();
    const mine = before.then(() => {
      signal.throwIfAborted();
      return action();
    });
    const settled = mine.catch(() => {});
    this.#last.set(place, settled);
    try {
      return await mine;
    } finally {
      if (this.#last.get(place) === settled) this.#last.delete(place);
    }
  }
}
