// SPDX-License-Identifier: Apache-2.0
/** Brings an expression into a running Node.js process through its own inspector, which is open for that moment only. One attempt, whatever comes of it. */
import { setTimeout as delay } from 'node:timers/promises';
import { inspectorAddress } from './inspector-address.js';
import { closeInspector, evaluateInInspector } from './inspector-tasks.js';
import { InspectorWatch } from './inspector-watch.js';
import { type Listener, listenersIn, ownListeners } from './listeners.js';
import { environmentOf, startTimeOf, threadNamesOf } from './process-status.js';
import { mayBeSignalled } from './signal-check.js';
import type { SignalHandlers } from './signal-handler.js';
import { Turns } from './turns.js';

export interface Target {
  readonly pid: number;
  readonly startTime: number;
  readonly cmdline: readonly string[];
}

/** In milliseconds. */
const TIMES = {
  /** Node.js installs its handler some milliseconds after it was started; on a busy machine later. */
  starting: 5000,
  /** From signal to inspector: the main thread opens it, which may be busy. */
  opening: 10_000,
  /** The same, when nobody wants it any more: then it is only closed. */
  abandoned: 2000,
  /** One that opens later, or is too busy to answer, is closed as long as this in the background, so that no port stays open. */
  late: 60_000,
  latePause: 1000,
};
export type InjectorTimes = typeof TIMES;

export class Refused extends Error {}

export class Injector {
  readonly #turns = new Turns();
  readonly #handlers: Pick<SignalHandlers, 'of' | 'hold'>;
  readonly #times: InjectorTimes;

  /** @param times for tests */
  constructor(handlers: Pick<SignalHandlers, 'of' | 'hold'>, times: Partial<InjectorTimes> = {}) {
    this.#handlers = handlers;
    this.#times = { ...TIMES, ...times };
  }

  /** @returns the value of the expression. @throws Refused with the reason, for the user; Error when `signal` was aborted, with the inspector closed again */
  async evaluate(target: Target, expression: string, signal: AbortSignal): Promise<string> {
    const { pid } = target;
    using _handlers = this.#handlers.hold();
    await this.#untilReady(target, signal);
    const { host, port, obstacle } = inspectorAddress(target.cmdline, environmentOf(pid, 'NODE_OPTIONS'));
    if (obstacle) throw new Refused(`it was started with ${obstacle}`);
    // Processes of one network namespace want the same port.
    return await this.#turns.take(pid, signal, async () => {
      if (!/^(localhost|127\..*|\[?::1\]?)$/.test(host)) throw new Refused(`its inspector would open at ${host}, not only on the loopback (--inspect-port)`);
      if (threadNamesOf(pid).includes('InspectorIo')) throw new Refused('its inspector is open already');
      if (listenersIn(pid).some((listener) => listener.port === port)) {
        const whose = ownListeners(pid).some((listener) => listener.port === port) ? 'by the process itself, perhaps its inspector' : 'by another process';
        throw new Refused(`port ${port}, where its inspector would open, is in use ${whose}`);
      }
      const watch = new InspectorWatch(pid, port);
      this.#signal(target);
      return this.#reach(target, watch, expression, signal);
    });
  }

  async #untilReady(target: Target, signal: AbortSignal): Promise<void> {
    const { pid } = target;
    for (let waited = 0, pause = 10; ; waited += pause, pause = Math.min(pause * 2, 200)) {
      if (hasEnded(target)) throw new Refused('it has ended');
      const verdict = mayBeSignalled(pid, (...question) => this.#handlers.of(...question));
      if (verdict.may) return;
      if (!verdict.later || waited > this.#times.starting) throw new Refused(verdict.reason);
      await delay(pause, undefined, { signal });
    }
  }

  /** Looked at once more directly before: an application may have said meanwhile that the signal is its own. */
  #signal(target: Target): void {
    const { pid } = target;
    const verdict = mayBeSignalled(pid, (...question) => this.#handlers.of(...question));
    if (!verdict.may) throw new Refused(verdict.reason);
    if (hasEnded(target)) throw new Refused('it has ended');
    try {
      process.kill(pid, 'SIGUSR1');
    } catch (error) {
      throw new Refused(`it cannot be sent a signal: ${(error as Error).message}`);
    }
  }

  /** From here on an inspector opens, whatever happens; however this ends, it is closed, or will be. */
  async #reach(target: Target, watch: InspectorWatch, expression: string, signal: AbortSignal): Promise<string> {
    const { opening, abandoned } = this.#times;
    const listeners = await watch.opened(opening, { ms: abandoned, signal }, () => hasEnded(target));
    if (hasEnded(target)) throw new Refused('it ended while its inspector was opened');
    const [first] = listeners;
    const outside = listeners.find(({ isLoopback }) => !isLoopback);
    const opened = (listener?: Listener) => `its inspector opened at ${listener?.address} port ${listener?.port}, not only on the loopback`;
    try {
      if (!first) throw new Refused(`its inspector did not open within ${opening / 1000} s (its main thread is blocked, or an inspector is open already)`);
      if (!outside && !signal.aborted) return await evaluateInInspector(target.pid, first, expression);
      await closeInspector(target.pid, first);
    } catch (error) {
      if (hasEnded(target)) throw new Refused('it ended while the script was brought in');
      void this.#closeLater(target, watch);
      signal.throwIfAborted();
      const { message } = error as Error;
      throw new Refused(outside ? `${opened(outside)}, and could not be closed yet: ${message}` : message);
    }
    signal.throwIfAborted();
    throw new Refused(`${opened(outside)}, and was closed at once`);
  }

  async #closeLater(target: Target, watch: InspectorWatch): Promise<void> {
    for (const end = performance.now() + this.#times.late; performance.now() < end && !hasEnded(target); ) {
      for (const listener of watch.look()) if (await closeInspector(target.pid, listener).catch(() => undefined)) return;
      await delay(this.#times.latePause, undefined, { ref: false });
    }
  }
}

const hasEnded = ({ pid, startTime }: Target): boolean => startTimeOf(pid) !== startTime;
