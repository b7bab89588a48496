// SPDX-License-Identifier: Apache-2.0
/** Asks the obi processes that run here. */
import { connect } from 'node:net';
import { explainUnreachable } from '../errors.js';
import type { ExplainReply } from './explain-server.js';
import { socketPath, socketPids } from './run-directory.js';

const PATIENCE_MS = 10_000;
/** Far above what an obi sends. */
const MAX_REPLY = 64 * 2 ** 20;

export interface ObiReply {
  readonly pid: number;
  readonly reply: ExplainReply;
}

/**
 * @param pid ask only this one.
 * @returns one reply per obi that runs; sockets that killed ones left behind are passed over.
 * @throws ObiError OBI_ERR_EXPLAIN_UNREACHABLE when there is none, or none that this user may ask.
 */
export async function askObi(directory: string, id: string, pid?: number): Promise<ObiReply[]> {
  const pids = pid === undefined ? listed(directory) : [pid];
  const replies = await Promise.all(pids.map((each) => ask(directory, each, id)));
  const told = replies.filter((reply) => reply !== undefined);
  if (told.length === 0) throw explainUnreachable(directory, pid === undefined ? 'no obi answers there' : `no obi with pid ${pid} answers there`);
  return told;
}

function listed(directory: string): number[] {
  try {
    return socketPids(directory);
  } catch (error) {
    if (isForbidden(error)) throw explainUnreachable(directory, 'only the user that obi runs as, and root, may look there', error);
    return [];
  }
}

/** Undefined: nobody listens. */
function ask(directory: string, pid: number, id: string): Promise<ObiReply | undefined> {
  return new Promise((resolve, reject) => {
    let text = '';
    const failed = (message: string) => {
      socket.destroy();
      resolve({ pid, reply: { error: { message } } });
    };
    const socket = connect(socketPath(directory, pid), () => socket.write(`${id}\n`));
    socket.setEncoding('utf8');
    socket.setTimeout(PATIENCE_MS, () => failed(`it did not answer within ${PATIENCE_MS / 1000} s`));
    socket.on('data', (part) => {
      text += part;
      if (text.length > MAX_REPLY) failed('its answer has no end');
    });
    socket.on('end', () => {
      try {
        resolve({ pid, reply: JSON.parse(text) as ExplainReply });
      } catch {
        failed('its answer is cut short');
      }
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (isForbidden(error)) reject(explainUnreachable(directory, `only the user that obi ${pid} runs as, and root, may ask it`, error));
      else if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(undefined);
      else failed(error.message);
    });
  });
}

const isForbidden = (error: unknown) => ['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');
