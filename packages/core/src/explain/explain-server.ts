// SPDX-License-Identifier: Apache-2.0
/** Answers `obi explain` on a Unix socket that only obi's own user (and root) can open: one line with the id comes in, one line of JSON goes out. */
import { createServer, type Server, type Socket } from 'node:net';
import { isObiError } from '../errors.js';
import type { Logger } from '../logging/logger.js';
import type { ExplainAnswer } from './answer.js';
import { dropStaleSockets, prepareDirectory, socketPath } from './run-directory.js';

/** Longest question: a `traceparent` has 55 characters. */
const MAX_QUESTION = 256;
const MAX_CLIENTS = 4;
/** Who has not asked or not read the answer by then is cut off. */
const PATIENCE_MS = 10_000;

/** One line each way. */
export type ExplainReply = { readonly answer: ExplainAnswer } | { readonly error: { readonly code?: string; readonly message: string } };

/** Does not keep the process alive. Each question costs the pipeline one look through the store. */
export class ExplainServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #clients = new Set<Socket>();

  private constructor(answer: (id: string) => ExplainAnswer) {
    this.#server = createServer((socket) => this.#serve(socket, answer)).unref();
    this.#server.maxConnections = MAX_CLIENTS;
  }

  /**
   * @param answer throws what the client is told instead.
   * @throws Error when the directory cannot be had, is not ours alone to write, or the socket cannot be made.
   */
  static async start(directory: string, answer: (id: string) => ExplainAnswer, log: Logger): Promise<ExplainServer> {
    prepareDirectory(directory);
    await dropStaleSockets(directory);
    const explain = new ExplainServer(answer);
    const path = socketPath(directory, process.pid);
    // Nobody else may open it, from the first moment on: listen makes the socket at once.
    const before = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => {
        explain.#server.once('error', reject).listen(path, resolve);
        process.umask(before);
      });
    } finally {
      process.umask(before);
    }
    explain.#server.on('error', (err) => log.warn('explain: the server failed', { err }));
    log.debug('explain: listening', { path });
    return explain;
  }

  /** Takes the socket away. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const client of this.#clients) client.destroy();
    await closed;
  }

  #serve(socket: Socket, answer: (id: string) => ExplainAnswer): void {
    this.#clients.add(socket);
    let question = '';
    const timer = setTimeout(() => socket.destroy(), PATIENCE_MS).unref();
    socket.on('close', () => {
      clearTimeout(timer);
      this.#clients.delete(socket);
    });
    socket.on('error', () => socket.destroy());
    socket.setEncoding('latin1');
    socket.on('data', (text) => {
      question += text;
      const end = question.indexOf('\n');
      if (end < 0 && question.length <= MAX_QUESTION) return;
      socket.removeAllListeners('data').resume();
      const reply = end < 0 || end > MAX_QUESTION ? { error: { message: 'the question is too long' } } : replyTo(question.slice(0, end), answer);
      socket.end(`${JSON.stringify(reply)}\n`);
    });
  }
}

function replyTo(id: string, answer: (id: string) => ExplainAnswer): ExplainReply {
  try {
    return { answer: answer(id) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { error: isObiError(error) ? { code: error.code, message } : { message } };
  }
}
