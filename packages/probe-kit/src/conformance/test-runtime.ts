// SPDX-License-Identifier: Apache-2.0
/** The conformance suite of runtime probes: `testRuntime({ … })` in a test file. What the kernel side may be told is tested in bpf/tests/scopes.native.test.ts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { RuntimeDriver, RuntimeKernel, RuntimeOutcome, TracedProcess } from '@obi/core';

export interface RuntimeConformanceOptions {
  /** The driver as obi makes it; a new one for each test. */
  readonly makeDriver: () => RuntimeDriver;
  /** Values of process.runtime.name that are this probe's. */
  readonly runtimes: readonly string[];
  /** File name of the runtime's program, which a program of another kind gets here. */
  readonly program: string;
  /** How long the driver may take to make up its mind, ms; default 20 000. */
  readonly limit?: number;
}

interface TestGlobals {
  describe(name: string, body: () => void): void;
  it(name: string, body: () => Promise<void> | void, timeout?: number): void;
}

const FOREIGN = ['cpython', 'nodejs', 'pypy', 'bun', 'deno', 'go', '.NET', 'BEAM', undefined];
const STOPPED = /^State:\s+T/m;

/** Declares the tests; call it at the top level of a test file. Starts and ends processes of its own; needs no rights. */
export function testRuntime({ makeDriver, runtimes, program, limit = 20_000 }: RuntimeConformanceOptions): void {
  const { describe, it } = globalThis as unknown as TestGlobals;
  const timeout = limit + 10_000;

  describe('the runtime driver conforms', () => {
    it('applies to its own runtimes only', () => {
      const driver = makeDriver();
      for (const name of FOREIGN) {
        const applies = driver.appliesTo(traced(1, '/opt/some/program', name));
        if (applies !== (name !== undefined && runtimes.includes(name)))
          throw new Error(`appliesTo says ${applies} for a process of runtime ${name ?? 'unknown'}`);
      }
    });

    it(
      'refuses a program of another kind with the name of its own, and leaves it alone',
      () =>
        withLookalike(program, async (child, exe) => {
          const kernel = new KernelSpy();
          const outcome = await settle(makeDriver(), traced(child.pid as number, exe, runtimes[0]), kernel, limit);
          refused(outcome);
          unharmed(child);
          kernel.left();
        }),
      timeout,
    );

    it(
      'refuses a stopped process in time, and leaves it stopped',
      () =>
        withLookalike(program, async (child, exe) => {
          child.kill('SIGSTOP');
          while (!STOPPED.test(statusOf(child))) await new Promise((resolve) => setTimeout(resolve, 5));
          refused(await settle(makeDriver(), traced(child.pid as number, exe, runtimes[0]), new KernelSpy(), limit));
          unharmed(child);
          if (!STOPPED.test(statusOf(child))) throw new Error('the process runs, though somebody had stopped it');
        }),
      timeout,
    );

    it(
      'refuses a process that has ended',
      () =>
        withLookalike(program, async (child, exe) => {
          const ended = new Promise((resolve) => child.once('exit', resolve));
          child.kill('SIGKILL');
          await ended;
          refused(await settle(makeDriver(), traced(child.pid as number, exe, runtimes[0]), new KernelSpy(), limit));
        }),
      timeout,
    );

    it(
      'gives up when it is told to',
      () =>
        withLookalike(program, async (child, exe) => {
          refused(await settle(makeDriver(), traced(child.pid as number, exe, runtimes[0]), new KernelSpy(), limit, AbortSignal.abort()));
          unharmed(child);
        }),
      timeout,
    );
  });
}

/** Notes what is asked of the kernel. */
class KernelSpy implements RuntimeKernel {
  readonly #asked: string[] = [];

  setChain(): void {
    this.#asked.push('setChain');
  }

  uprobe(program: string): void {
    this.#asked.push(`uprobe ${program}`);
  }

  map(name: string): never {
    throw new Error(`map ${name}: there is no kernel here`);
  }

  /** @throws when something was set up in a process that was refused. */
  left(): void {
    if (this.#asked.length > 0) throw new Error(`set up in a process that was refused: ${this.#asked.join(', ')}`);
  }
}

async function settle(
  driver: RuntimeDriver,
  process: TracedProcess,
  kernel: RuntimeKernel,
  limit: number,
  signal = new AbortController().signal,
): Promise<RuntimeOutcome> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`attach took longer than ${limit} ms`)), limit);
  });
  const attached = driver.attach(process, kernel, signal).catch((error: unknown): RuntimeOutcome => {
    if (!(error instanceof Error) || error.message === '') throw new Error(`attach rejects with ${String(error)}, which says nothing`);
    return { state: 'refused', reason: error.message };
  });
  try {
    return await Promise.race([attached, late]);
  } finally {
    clearTimeout(timer);
  }
}

function refused(outcome: RuntimeOutcome): void {
  if (outcome.state !== 'refused') throw new Error('attach says that it serves this process');
  if (outcome.reason.trim() === '') throw new Error('attach refuses without a reason');
}

function unharmed(child: ChildProcess): void {
  if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the process has ended (${child.signalCode ?? child.exitCode})`);
}

function statusOf(child: ChildProcess): string {
  return readFileSync(`/proc/${child.pid}/status`, 'utf8');
}

/** Runs `sleep` under another name. */
async function withLookalike(name: string, action: (child: ChildProcess, exe: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'obi-lookalike-'));
  const exe = path.join(folder, name);
  copyFileSync('/bin/sleep', exe);
  const child = spawn(exe, ['60'], { stdio: 'ignore' });
  try {
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    await action(child, exe);
  } finally {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

function traced(pid: number, exe: string, runtime: string | undefined): TracedProcess {
  return {
    pid,
    startTime: 0,
    exe,
    cmdline: [exe],
    executionModel: 'multiplexed',
    fionreadSafe: false,
    resource: { id: 0, attributes: { 'service.name': path.basename(exe), ...(runtime === undefined ? {} : { 'process.runtime.name': runtime }) } },
  };
}
