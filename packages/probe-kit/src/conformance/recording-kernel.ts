// SPDX-License-Identifier: Apache-2.0
/** The kernel as a runtime driver sees it: notes what is set up for one process, and when. */
import type { RuntimeKernel } from '@obi/core';
import { MemoryTable } from './memory-table.js';

export class RecordingKernel implements RuntimeKernel {
  /** What core would hold for the process, and release when it is told to give up. */
  readonly held: string[] = [];
  /** Asked for after that: nobody would release it. */
  readonly late: string[] = [];
  readonly #tables = new Map<string, MemoryTable>();
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.held.splice(0));
  }

  setChain(): void {
    this.#note('setChain');
  }

  uprobe(program: string): void {
    this.#note(`uprobe ${program}`);
  }

  /** As where nothing is missing. */
  has(): boolean {
    return true;
  }

  map(name: string): MemoryTable {
    const table = this.#tables.get(name) ?? new MemoryTable(name);
    this.#tables.set(name, table);
    return table;
  }

  /** Tables in which something stands. */
  get filled(): string[] {
    return [...this.#tables].filter(([, { size }]) => size > 0).map(([name]) => name);
  }

  /** As core does: refused after the abort. */
  #note(what: string): void {
    (this.#signal.aborted ? this.late : this.held).push(what);
    this.#signal.throwIfAborted();
  }
}
