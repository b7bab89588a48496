// SPDX-License-Identifier: Apache-2.0
/** One point in time that several steps share: what the first one uses up, the next one does not get. */

/** Longer waits than this are none to Node.js: its timer would fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

export class Deadline {
  readonly #at: number;

  constructor(ms: number) {
    this.#at = performance.now() + ms;
  }

  /** Milliseconds until `spare` before the deadline; 0 when that is over. */
  left(spare = 0): number {
    return Math.min(LONGEST_MS, Math.max(0, this.#at - spare - performance.now()));
  }

  /** @returns true when `work` ended by `spare` before the deadline. Rejects when `work` does so by then; later it is nobody's. */
  async met(work: PromiseLike<unknown>, spare = 0): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, this.left(spare), false);
    });
    try {
      return await Promise.race([Promise.resolve(work).then(() => true), late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
