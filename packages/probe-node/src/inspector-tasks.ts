// SPDX-License-Identifier: Apache-2.0
/** What is said to a process's inspector once it is open. */
import type { Listener } from './listeners.js';
import { runTaskFor } from './run-task.js';

const TASK_MS = 10_000;
const CLOSING_MS = 2000;

const INSPECTOR = `(process.getBuiltinModule ? process.getBuiltinModule('inspector') : require('inspector'))`;
/** Closes the inspector by itself, should obi be gone by then. */
const GUARD = `(() => { const i = ${INSPECTOR}; globalThis[Symbol.for('obi.node.guard')] = setTimeout(() => i.close(), 15000).unref(); return 'ok'; })()`;
/** Variables of the command line API are gone later, so they are used at once. */
const CLOSE = `(() => { const g = Symbol.for('obi.node.guard'); clearTimeout(globalThis[g]); delete globalThis[g]; ${INSPECTOR}.close(); })()`;

/** Evaluates the expression, and closes the inspector. @throws Error with the reason */
export async function evaluateInInspector(pid: number, listener: Listener, expression: string): Promise<string> {
  const [, result = ''] = await run(pid, listener, [GUARD, expression], TASK_MS);
  return result;
}

/** @returns true when it is closed. @throws Error with the reason */
export async function closeInspector(pid: number, listener: Listener): Promise<true> {
  await run(pid, listener, [], CLOSING_MS);
  return true;
}

function run(pid: number, { address, port, family }: Listener, expressions: readonly string[], timeoutMs: number): Promise<string[]> {
  // What listens everywhere is reached on the loopback.
  const everywhere = /^[0:.]+$/.test(address);
  const host = everywhere ? (family === 6 ? '::1' : '127.0.0.1') : address;
  return runTaskFor(pid, { host, port, expressions, close: CLOSE, timeoutMs });
}
