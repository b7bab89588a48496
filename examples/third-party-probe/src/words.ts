// SPDX-License-Identifier: Apache-2.0
/** Names of commands and codes of errors: few, and seen again and again, so that each is made a string once. */

/** Kept strings; an application that sends nonsense does not fill the memory. */
const KEPT = 1024;
const PLAIN = /^[A-Za-z][\w.|-]*$/;

export class Words {
  readonly #known = new Map<string, string | undefined>();

  /** @returns `bytes[start, start + length)`, undefined when it is no word: what an application sent there may be anything. */
  read(bytes: Uint8Array, start: number, length: number): string | undefined {
    let raw = '';
    for (let at = start; at < start + length; at++) raw += String.fromCharCode(bytes[at] ?? 0);
    const known = this.#known.get(raw);
    if (known !== undefined || this.#known.has(raw)) return known;
    const word = PLAIN.test(raw) ? raw : undefined;
    if (this.#known.size >= KEPT) this.#known.clear();
    this.#known.set(raw, word);
    return word;
  }
}
