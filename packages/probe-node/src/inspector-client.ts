// SPDX-License-Identifier: Apache-2.0
/** Evaluates expressions over a process's inspector, then waits until the process has closed it. */
import { get } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { WebSocket } from 'ws';

export interface InspectorTask {
  readonly host: string;
  readonly port: number;
  /** Evaluated one after the other, with the command line API. */
  readonly expressions: readonly string[];
  /** Evaluated at last, whatever came of the others: closes the inspector, so that no answer comes. */
  readonly close: string;
  readonly timeoutMs: number;
}

/** @returns values of the expressions as text; for one that failed, what it threw after `threw: `. @throws Error when the inspector does not answer in time */
export async function runInspectorTask(task: InspectorTask): Promise<string[]> {
  const signal = AbortSignal.timeout(task.timeoutMs);
  const socket = new WebSocket(await targetUrl(task, signal), { createConnection: () => unseen(task), perMessageDeflate: false });
  try {
    await happened(socket, 'open', signal);
    const results: string[] = [];
    for (const expression of task.expressions) results.push(await evaluate(socket, results.length + 1, expression, signal));
    const closed = happened(socket, 'close', signal);
    send(socket, task.expressions.length + 1, task.close);
    await closed;
    return results;
  } finally {
    socket.terminate();
  }
}

/**
 * A connection that no HTTP probe takes for one: the traced process would get spans of its own inspector. Servers skip an empty line before a request
 * (RFC 9112 §2.2); probes go by the first bytes. Both leave in one piece: a kernel may miss to show a read, and a request behind an empty line that nobody saw would be one.
 */
function unseen({ host, port }: InspectorTask) {
  const socket = connect(port, host);
  socket.cork();
  socket.write('\r\n');
  socket.once('connect', () => socket.uncork());
  return socket;
}

/** The first target is the process's main thread. */
async function targetUrl(task: InspectorTask, signal: AbortSignal): Promise<string> {
  const { host, port } = task;
  const body = await new Promise<string>((resolve, reject) => {
    get({ host, port, path: '/json/list', signal, createConnection: () => unseen(task) }, (response) => text(response).then(resolve, reject)).on(
      'error',
      reject,
    );
  });
  const path = (JSON.parse(body) as { type?: string; webSocketDebuggerUrl?: string }[]).find(({ type }) => type === 'node')?.webSocketDebuggerUrl;
  if (!path) throw new Error(`no Node.js answers at ${host}:${port}`);
  const url = new URL(path);
  url.hostname = host.includes(':') ? `[${host}]` : host;
  url.port = String(port);
  return url.href;
}

function send(socket: WebSocket, id: number, expression: string): void {
  const params = { expression, includeCommandLineAPI: true, returnByValue: true, silent: true };
  socket.send(JSON.stringify({ id, method: 'Runtime.evaluate', params }));
}

/** What the inspector answers to Runtime.evaluate. */
interface Answer {
  readonly id?: number;
  readonly error?: { readonly message: string };
  readonly result?: {
    readonly result?: { readonly value?: unknown };
    readonly exceptionDetails?: { readonly exception?: { readonly description?: string }; readonly text: string };
  };
}

async function evaluate(socket: WebSocket, id: number, expression: string, signal: AbortSignal): Promise<string> {
  const answer = new Promise<Answer>((resolve, reject) => {
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as Answer;
      if (message.id === id) resolve(message);
    });
    socket.once('close', () => reject(new Error('its inspector was closed by somebody else')));
    signal.addEventListener('abort', () => reject(new Error('it did not answer its inspector in time')));
  });
  send(socket, id, expression);
  const { error, result } = await answer;
  if (error) return `threw: ${error.message}`;
  const details = result?.exceptionDetails;
  if (details) return `threw: ${(details.exception?.description ?? details.text).split('\n')[0]}`;
  return String(result?.result?.value);
}

function happened(socket: WebSocket, name: 'open' | 'close', signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(name, () => resolve());
    // While it closes, a broken connection is as good.
    socket.on('error', (error) => (name === 'open' ? reject(error) : resolve()));
    signal.addEventListener('abort', () => reject(new Error(`its inspector did not ${name} in time`)));
  });
}
