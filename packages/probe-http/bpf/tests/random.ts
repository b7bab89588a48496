// SPDX-License-Identifier: Apache-2.0
// Random numbers that come again with the same seed.

export class Random {
  #state: number;
  constructor(readonly seed: number) {
    // Seeds that are neighbours must not begin alike.
    this.#state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  }

  /** 0 … limit - 1 */
  below(limit: number): number {
    // A linear congruential generator; its high bits are the good ones.
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }

  chance(oneIn: number): boolean {
    return this.below(oneIn) === 0;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  bytes(length: number): string {
    // Bodies are full of what looks like framing.
    const words = ['\r\n', '0\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n', 'HTTP/1.1 200 OK\r\n', 'Content-Length: 5\r\n', 'a', '\0', ' ', 'chunked', '\xff'];
    let text = '';
    while (text.length < length) text += this.pick(words);
    return text.slice(0, length);
  }
}
