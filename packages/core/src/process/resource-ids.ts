// SPDX-License-Identifier: Apache-2.0
/** Small ids for resources, since exporters index arrays with them: a host that makes a process per request must not make those grow. */

/** Spans of an ended process may still wait in a batch under its id: so many other processes end before it is given again. */
const QUARANTINE = 4096;

export class ResourceIds {
  #last = 0;
  readonly #released: number[] = [];

  take(): number {
    return this.#released.length > QUARANTINE ? (this.#released.shift() ?? ++this.#last) : ++this.#last;
  }

  release(id: number): void {
    this.#released.push(id);
  }
}
