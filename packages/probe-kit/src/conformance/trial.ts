// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import type { RuntimeDriver, RuntimeKernel, RuntimeOutcome, TracedProcess } from '@obi/core';
import { RecordingKernel } from './recording-kernel.js';
import { type RealProcess, type Subject, until } from './runtime-subject.js';

/** One attach, and what came of it. */
export class Trial {
  readonly kernel: RecordingKernel;
  readonly #controller = new AbortController();
  readonly #driver: RuntimeDriver;
  readonly #process: TracedProcess;
  readonly #attached: Promise<RuntimeOutcome>;

  constructor(driver: RuntimeDriver, process: TracedProcess) {
    this.#driver = driver;
    this.#process = process;
    this.kernel = new RecordingKernel(this.#controller.signal);
    this.#attached = attach(driver, process, this.kernel, this.#controller.signal);
    this.#attached.catch(() => {}); // whoever asks for the outcome is told
  }

  abort(): void {
    this.#controller.abort();
  }

  async endsWithin(ms: number): Promise<boolean> {
    return Promise.race([this.#attached.then(() => true), delay(ms, false)]);
  }

  /** @throws when it takes longer, or attach rejects with nothing that can be said to a user */
  async outcome(limit: number): Promise<RuntimeOutcome> {
    const timer = new AbortController();
    const late = delay(limit, undefined, { signal: timer.signal }).then(() => {
      throw new Error(`attach took longer than ${limit} ms${this.#controller.signal.aborted ? ', though it was told to give up' : ''}`);
    });
    try {
      return await Promise.race([this.#attached, late]);
    } finally {
      late.catch(() => {});
      timer.abort();
    }
  }

  /** @throws when something was set up in a process that was refused */
  nothingHeld(): void {
    if (this.kernel.held.length > 0) throw new Error(`set up in a process that was refused: ${this.kernel.held.join(', ')}`);
  }

  /** Ends it as core does: detach is called where attach said that it serves the process, be it after the abort; its tables are swept once it has ended. */
  async undone(subject: Subject, isInside: RealProcess['isInside'], limit: number): Promise<void> {
    this.abort();
    if ((await this.outcome(limit)).state === 'scoped') await this.#driver.detach?.(this.#process);
    await subject.ready;
    if (isInside) await until('nothing of the driver is inside the process', async () => !(await isInside(subject.child)), limit);
    this.#driver.sweep?.(new Set([this.#process.pid]), (name) => this.kernel.map(name));
    if (this.kernel.filled.length > 0) throw new Error(`sweep leaves entries of a process that has ended: ${this.kernel.filled.join(', ')}`);
    if (this.kernel.late.length > 0) throw new Error(`set up after it was told to give up: ${this.kernel.late.join(', ')}`);
    subject.unharmed();
  }
}

/** Counts a rejection as refusal, as core does. */
async function attach(driver: RuntimeDriver, process: TracedProcess, kernel: RuntimeKernel, signal: AbortSignal): Promise<RuntimeOutcome> {
  try {
    return await driver.attach(process, kernel, signal);
  } catch (error) {
    // Not `instanceof`: errors of Node.js itself are of another realm under jest.
    const { message } = error as Partial<Error>;
    if (typeof message !== 'string' || message === '') throw new Error(`attach rejects with ${String(error)}, which says nothing`);
    return { state: 'refused', reason: message };
  }
}
