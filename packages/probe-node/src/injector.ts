// SPDX-License-Identifier: Apache-2.0
/** Brings an expression into a running Node.js process through its own inspector, which is open for that moment only. One attempt, whatever comes of it. */
import { setTimeout as delay } from 'node:timers/promises';
import { inspectorAddress } from './inspector-address.js';
import type { InspectorTask } from './inspector-client.js';
import { type Listener, listenersIn, ownListeners } from './listeners.js';
import { environmentOf, startTimeOf, threadNamesOf } from './process-status.js';
import { runTaskFor } from './run-task.js';
import { mayBeSignalled } from './signal-check.js';
import type { SignalHandlers } from './signal-handler.js';
import { Turns } from './turns.js';

export interface Target {
  readonly pid: number;
  readonly startTime: number;
  readonly cmdline: readonly string[];
}

/** Node.js installs its handler some milliseconds after it was started; on a busy machine later. */
const STARTING_MS = 5000;
/** From signal to inspector: the main thread opens it, which may be busy. */
const OPENING_MS = 10_000;
/** One that opens later, or is too busy to answer, is closed as long as this in the background, so that no port stays open. */
const LATE_MS = 60_000;
const LATE_PAUSE_MS = 1000;
const TASK_MS = 10_000;

/** Closes the inspector. Also by itself, should obi be gone by then. Variables of the command line API are gone later, so they are used at once. */
const INSPECTOR = `(process.getBuiltinModule ? process.getBuiltinModule('inspector') : require('inspector'))`;
const GUARD = `(() => { const i = ${INSPECTOR}; globalThis[Symbol.for('obi.node.guard')] = setTimeout(() => i.close(), 15000).unref(); return 'ok'; })()`;
const CLOSE = `(() => { const g = Symbol.for('obi.node.guard'); clearTimeout(globalThis[g]); delete globalThis[g]; ${INSPECTOR}.close(); })()`;

export class Refused extends Error {}

export class Injector {
  readonly #turns = new Turns();

  constructor(private readonly handlers: Pick<SignalHandlers, 'of'>) {}

  /** @returns the value of the expression. @throws Refused with the reason, for the user; Error when `signal` was aborted */
  async evaluate(target: Target, expression: string, signal: AbortSignal): Promise<string> {
    const { pid } = target;
    await this.#untilReady(target, signal);
    const address = inspectorAddress(target.cmdline, environmentOf(pid, 'NODE_OPTIONS'));
    if (address.obstacle) throw new Refused(`it was started with ${address.obstacle}`);
    // Processes of one network namespace want the same port.
    return this.#turns.take(pid, signal, async () => {
      const { host, port } = address;
      if (!/^(localhost|127\..*|\[?::1\]?)$/.test(host)) throw new Refused(`its inspector would open at ${host}, not only on the loopback (--inspect-port)`);
      if (threadNamesOf(pid).includes('InspectorIo')) throw new Refused('its inspector is open already');
      if (port === 0) throw new Refused('its inspector opens at a random port (--inspect-port=0)');
      const before = ownListeners(pid);
      if (listenersIn(pid).some((listener) => listener.port === port)) {
        const whose = before.some((listener) => listener.port === port) ? 'by its own inspector' : 'by another process';
        throw new Refused(`port ${port}, where its inspector would open, is in use ${whose}`);
      }
      this.#signal(target);
      const listener = await this.#opened(target, port, OPENING_MS, signal);
      if (listener) return this.#run(target, listener, expression);
      void this.#closeLater(target, port);
      throw new Refused(`its inspector did not open within ${OPENING_MS / 1000} s (its main thread is blocked)`);
    });
  }

  async #untilReady(target: Target, signal: AbortSignal): Promise<void> {
    const { pid } = target;
    for (let waited = 0, pause = 10; ; waited += pause, pause = Math.min(pause * 2, 200)) {
      if (hasEnded(target)) throw new Refused('it has ended');
      const verdict = mayBeSignalled(pid, (...question) => this.handlers.of(...question));
      if (verdict.may) return;
      if (!verdict.later || waited > STARTING_MS) throw new Refused(verdict.reason);
      await delay(pause, undefined, { signal });
    }
  }

  /** Looked at once more directly before: an application may have said meanwhile that the signal is its own. */
  #signal(target: Target): void {
    const { pid } = target;
    const verdict = mayBeSignalled(pid, (...question) => this.handlers.of(...question));
    if (!verdict.may) throw new Refused(verdict.reason);
    if (hasEnded(target)) throw new Refused('it has ended');
    try {
      process.kill(pid, 'SIGUSR1');
    } catch (error) {
      throw new Refused(`it cannot be sent a signal: ${(error as Error).message}`);
    }
  }

  /** The listening socket of the process itself, and of nobody else, at its inspector's port. */
  async #opened(target: Target, port: number, withinMs: number, signal: AbortSignal): Promise<Listener | undefined> {
    const end = performance.now() + withinMs;
    for (let pause = 5; performance.now() < end; pause = Math.min(pause * 1.5, 500)) {
      if (hasEnded(target)) throw new Refused('it ended while its inspector was opened');
      const listener = ownListeners(target.pid).find((candidate) => candidate.port === port);
      if (listener) return listener;
      await delay(pause, undefined, { signal });
    }
    return undefined;
  }

  async #run(target: Target, listener: Listener, expression: string): Promise<string> {
    try {
      const [, result = ''] = await runTaskFor(target.pid, task(listener, [GUARD, expression]));
      return result;
    } catch (error) {
      if (hasEnded(target)) throw new Refused('it ended while the script was brought in');
      void this.#closeLater(target, listener.port);
      throw new Refused((error as Error).message);
    }
  }

  async #closeLater(target: Target, port: number): Promise<void> {
    for (const end = performance.now() + LATE_MS; performance.now() < end && !hasEnded(target); ) {
      const listener = ownListeners(target.pid).find((candidate) => candidate.port === port);
      const closed = listener && (await runTaskFor(target.pid, task(listener, [])).catch(() => undefined));
      if (closed) return;
      await delay(LATE_PAUSE_MS, undefined, { ref: false });
    }
  }
}

const hasEnded = ({ pid, startTime }: Target): boolean => startTimeOf(pid) !== startTime;

function task({ port, family }: Listener, expressions: readonly string[]): InspectorTask {
  return { host: family === 6 ? '::1' : '127.0.0.1', port, expressions, close: CLOSE, timeoutMs: TASK_MS };
}
