// SPDX-License-Identifier: Apache-2.0
/** The folder in which each running obi has its socket, named by pid. */
import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';

const SOCKET = /^(\d+)\.sock$/;

export const socketPath = (directory: string, pid: number): string => join(directory, `${pid}.sock`);

/** Makes it for this user alone. @throws Error when it cannot be made, or another user could put something into it. */
export function prepareDirectory(directory: string): void {
  // The last part only: `recursive` never comes back from where nothing can be made, such as /proc.
  if (!existsSync(directory)) mkdirSync(directory, { mode: 0o700 });
  const found = lstatSync(directory);
  const isOurs = found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
  if (!isOurs) throw new Error(`${directory} is not a directory that only this user can write to`);
}

/** Pids whose socket lies there, the lowest first; not all of them need to run. @throws the error of reading the directory. */
export function socketPids(directory: string): number[] {
  return readdirSync(directory)
    .flatMap((name) => SOCKET.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((one, other) => one - other);
}

/** Removes what killed ones have left: their pid is gone (or ours by now), and nobody listens. */
export async function dropStaleSockets(directory: string): Promise<void> {
  const gone = socketPids(directory).filter((pid) => pid === process.pid || !existsSync(`/proc/${pid}`));
  await Promise.all(
    gone.map(async (pid) => {
      const path = socketPath(directory, pid);
      // Pids of another namespace mean nothing here: what answers is left alone.
      if (!(await isAnswered(path))) rmSync(path, { force: true });
    }),
  );
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'));
  });
}
