// SPDX-License-Identifier: Apache-2.0
/** The conformance suite of runtime probes: `testRuntime({ … })` in a test file. What the kernel side may be told is tested in bpf/tests/scopes.native.test.ts. */
import type { RuntimeDriver, RuntimeOutcome, TracedProcess } from '@obi/core';
import { type RealProcess, Subject, tracedProcess } from './runtime-subject.js';
import { Trial } from './trial.js';

export interface RuntimeConformanceOptions {
  /** The driver as obi makes it; a new one for each test. */
  readonly makeDriver: () => RuntimeDriver;
  /** Values of process.runtime.name that are this probe's. */
  readonly runtimes: readonly string[];
  /** File name of the runtime's program, which a program of another kind gets here. */
  readonly program: string;
  /** A process that the driver serves; or why there can be none here, which skips what needs one. */
  readonly real: RealProcess | { readonly unavailable: string };
  /** How long the driver may take to make up its mind, or to undo what it did, ms; default 20 000. */
  readonly limit?: number;
}

type Test = (name: string, body: () => Promise<void> | void, timeout?: number) => void;
interface TestGlobals {
  describe(name: string, body: () => void): void;
  it: Test & { skip: Test };
}

const FOREIGN = ['cpython', 'nodejs', 'pypy', 'bun', 'deno', 'go', '.NET', 'BEAM', undefined];
/** An attach that is aborted ends within this time, ms. */
const SOON = 5_000;

/** Declares the tests; call it at the top level of a test file. Starts and ends processes of its own; needs no rights. */
export function testRuntime({ makeDriver, runtimes, program, real, limit = 20_000 }: RuntimeConformanceOptions): void {
  const { describe, it } = globalThis as unknown as TestGlobals;
  const whole = 2 * limit + 10_000;
  const tracedAs = (subject: Subject): TracedProcess => subject.traced(runtimes[0]);
  const withReal = (title: string, body: (real: RealProcess) => Promise<void>): void =>
    'unavailable' in real ? it.skip(`${title} (${real.unavailable})`, () => {}) : it(title, () => body(real), whole);

  describe('the runtime driver conforms', () => {
    it('applies to its own runtimes only', () => {
      const driver = makeDriver();
      for (const name of FOREIGN) {
        const applies = driver.appliesTo(tracedProcess(1, '/opt/some/program', name));
        if (applies !== (name !== undefined && runtimes.includes(name)))
          throw new Error(`appliesTo says ${applies} for a process of runtime ${name ?? 'unknown'}`);
      }
    });

    it(
      'refuses a program of another kind with the name of its own, and leaves it alone',
      async () => {
        using subject = await Subject.lookalike(program);
        const trial = new Trial(makeDriver(), tracedAs(subject));
        refused(await trial.outcome(limit));
        subject.unharmed();
        trial.nothingHeld();
      },
      whole,
    );

    withReal('serves a process of its own, and undoes that', async ({ command, isInside }) => {
      using subject = await Subject.real({ command });
      const trial = new Trial(makeDriver(), tracedAs(subject));
      const outcome = await trial.outcome(limit);
      if (outcome.state !== 'scoped') throw new Error(`attach refuses its own runtime: ${outcome.reason}`);
      const inside = (await isInside?.(subject.child)) ?? false;
      if (trial.kernel.held.length === 0 && !inside)
        throw new Error('attach says that it serves the process, but set up nothing, neither in the kernel nor inside');
      await trial.undone(subject, isInside, limit);
    });

    withReal('gives up whenever it is told to, and leaves nothing behind', async ({ command, isInside }) => {
      const driver = makeDriver();
      using stack = new DisposableStack();
      const given: [Subject, Trial][] = [];
      for (const start of [Subject.starting, Subject.real]) {
        // Later and later, until attach was done before.
        for (let after = 0, done = false; !done && after < limit; after = after * 2 || 1) {
          const subject = stack.use(await start({ command }));
          const trial = new Trial(driver, tracedAs(subject));
          given.push([subject, trial]);
          done = await trial.endsWithin(after);
          trial.abort();
          await trial.outcome(SOON);
        }
      }
      await Promise.all(given.map(([subject, trial]) => trial.undone(subject, isInside, limit)));
    });

    withReal('leaves a stopped process stopped, and says in time what comes of it', async ({ command, isInside }) => {
      using subject = await Subject.real({ command });
      await subject.stop();
      const trial = new Trial(makeDriver(), tracedAs(subject));
      const { state } = await trial.outcome(limit);
      if (!subject.isStopped) throw new Error('the process runs, though somebody had stopped it');
      if (state === 'refused') trial.nothingHeld();
      subject.child.kill('SIGCONT');
      if (state === 'refused' && (await isInside?.(subject.child))) throw new Error('refused, but something was left inside');
      subject.unharmed();
    });

    withReal('refuses a process that has ended', async ({ command }) => {
      using subject = await Subject.real({ command });
      const process = tracedAs(subject);
      await subject.end();
      const trial = new Trial(makeDriver(), process);
      refused(await trial.outcome(limit));
      trial.nothingHeld();
    });
  });
}

function refused(outcome: RuntimeOutcome): void {
  if (outcome.state !== 'refused') throw new Error('attach says that it serves this process');
  if (outcome.reason.trim() === '') throw new Error('attach refuses without a reason');
}
