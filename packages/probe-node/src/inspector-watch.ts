// SPDX-License-Identifier: Apache-2.0
/**
 * Which listening sockets are the inspector that a signal opens. Its address is not known before: the application may have changed it
 * (`process.debugPort`, `inspector.open`), or hidden what it was started with (`process.title`).
 */
import { setTimeout as delay } from 'node:timers/promises';
import { descriptorsOf, type Listener, linkOf, ownListeners, watchedIn } from './listeners.js';

export class InspectorWatch {
  readonly #pid: number;
  readonly #port: number;
  readonly #listeners: ReadonlySet<string>;
  readonly #watched: ReadonlySet<string>;

  /** Made before the signal. @param port where it is expected, and nothing listens yet; 0: anywhere */
  constructor(pid: number, port: number) {
    const descriptors = descriptorsOf(pid);
    this.#pid = pid;
    this.#port = port;
    this.#listeners = new Set(ownListeners(pid, descriptors).map(linkOf));
    this.#watched = new Set(watchedIn(pid, descriptors).flat());
  }

  /**
   * Those of the process itself that were not there before, the likeliest first. The inspector has an event loop of its own, which is new as well, so that
   * what the application begins to listen on meanwhile is not taken for it.
   */
  look(): Listener[] {
    const descriptors = descriptorsOf(this.#pid);
    const fresh = ownListeners(this.#pid, descriptors).filter((listener) => !this.#listeners.has(linkOf(listener)));
    if (fresh.length === 0) return fresh;
    // Every loop of libuv waits for a pipe of its own all its life. Numbers of descriptors are no sign: they are used again.
    const newLoops = watchedIn(this.#pid, descriptors).filter((links) => !links.some((link) => this.#watched.has(link)));
    const watched = new Set(newLoops.flat());
    const isExpected = ({ port }: Listener) => port === this.#port;
    return fresh.filter((listener) => isExpected(listener) || watched.has(linkOf(listener))).sort((a, b) => Number(isExpected(b)) - Number(isExpected(a)));
  }

  /**
   * Waits for it. @param patience ms in all; from the abort of `abandoned.signal` on only its `ms`. @param isVain ends the waiting as well
   * @returns none when it did not open in time
   */
  async opened(patience: number, abandoned: { readonly ms: number; readonly signal: AbortSignal }, isVain: () => boolean): Promise<Listener[]> {
    let end = performance.now() + patience;
    const hurry = () => {
      end = Math.min(end, performance.now() + abandoned.ms);
    };
    if (abandoned.signal.aborted) hurry();
    else abandoned.signal.addEventListener('abort', hurry, { once: true });
    try {
      for (let pause = 5; performance.now() < end && !isVain(); pause = Math.min(pause * 1.5, 500)) {
        const listeners = this.look();
        if (listeners.length > 0) return listeners;
        await delay(pause);
      }
      return [];
    } finally {
      abandoned.signal.removeEventListener('abort', hurry);
    }
  }
}
