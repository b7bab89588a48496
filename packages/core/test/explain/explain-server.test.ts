// SPDX-License-Identifier: Apache-2.0
/** Question and answer over a real socket: who may ask, what stays behind, what is too much. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExplainAnswer } from '../../src/explain/answer.js';
import { askObi } from '../../src/explain/explain-client.js';
import { ExplainServer } from '../../src/explain/explain-server.js';
import { errors } from '../../src/index.js';
import { silentLogger } from '../../src/logging/silent-logger.js';

const ID = 'ab'.repeat(8);
let folder: string;
let directory: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'obi-explain-'));
  directory = join(folder, 'obi');
});
afterEach(() => rmSync(folder, { recursive: true }));

const start = (answer: (id: string) => ExplainAnswer = (id) => ({ asked: { id } }) as ExplainAnswer) => ExplainServer.start(directory, answer, silentLogger);

/** Leaves a socket that nobody listens on, as a killed process does. */
function leaveStale(pid: number): string {
  const path = join(directory, `${pid}.sock`);
  const script = 'require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))';
  spawnSync(process.execPath, ['-e', script, path]);
  expect(existsSync(path)).toBe(true);
  return path;
}
/** Sends `bytes` and reads to the end. */
function say(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    connect(join(directory, `${process.pid}.sock`))
      .on('data', (part) => {
        text += part;
      })
      .on('close', () => resolve(text))
      .on('error', reject)
      .write(bytes);
  });
}

test('what is asked is answered; directory and socket are for one user only, and the socket goes with the server', async () => {
  const server = await start();
  expect(await askObi(directory, ID)).toEqual([{ pid: process.pid, reply: { answer: { asked: { id: ID } } } }]);
  const path = join(directory, `${process.pid}.sock`);
  expect([statSync(directory).mode & 0o777, statSync(path).mode & 0o777]).toEqual([0o700, 0o600]);
  await server[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  expect(readdirSync(directory)).toEqual([]);
});

test('an error of the answer is told with its code', async () => {
  await using _server = await start((id) => {
    throw errors.explainId(id, 'is no id');
  });
  expect(await askObi(directory, 'xyz')).toEqual([
    { pid: process.pid, reply: { error: { code: 'OBI_ERR_EXPLAIN_ID', message: expect.stringContaining('"xyz" is no id') } } },
  ]);
});

test('a large answer arrives whole', async () => {
  const large = { spans: Array.from({ length: 500 }, () => 'x'.repeat(4000)) } as unknown as ExplainAnswer;
  await using _server = await start(() => large);
  expect(await askObi(directory, ID)).toEqual([{ pid: process.pid, reply: { answer: large } }]);
});

test('a question without end is cut off; one in pieces is understood', async () => {
  let asked = 0;
  await using _server = await start((id) => {
    asked++;
    return { asked: { id } } as ExplainAnswer;
  });
  expect(JSON.parse(await say('a'.repeat(100_000)))).toEqual({ error: { message: 'the question is too long' } });
  expect(asked).toBe(0);
  const socket = connect(join(directory, `${process.pid}.sock`));
  const answer = new Promise((resolve) => socket.once('data', (data) => resolve(JSON.parse(String(data)))));
  socket.write(ID.slice(0, 5));
  await new Promise((resolve) => setTimeout(resolve, 20));
  socket.write(`${ID.slice(5)}\nmore`);
  expect(await answer).toEqual({ answer: { asked: { id: ID } } });
  socket.destroy();
});

test('disposal cuts off who has not asked yet', async () => {
  const server = await start();
  const socket = connect(join(directory, `${process.pid}.sock`));
  await new Promise((resolve) => socket.once('connect', resolve));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await server[Symbol.asyncDispose]();
  await closed;
});

describe('what others left', () => {
  test('a socket of a dead process is passed over, and the next start removes it; so is an own one of a process that had our pid', async () => {
    mkdirSync(directory, { mode: 0o700 });
    const dead = leaveStale(2 ** 22 + 1); // above the highest pid there can be
    leaveStale(process.pid);
    writeFileSync(join(directory, 'other.txt'), '');
    await expect(askObi(directory, ID)).rejects.toMatchObject({
      code: 'OBI_ERR_EXPLAIN_UNREACHABLE',
      message: expect.stringContaining('no obi answers there'),
    });
    await using _server = await start();
    expect(existsSync(dead)).toBe(false);
    expect(existsSync(join(directory, 'other.txt'))).toBe(true);
    expect(await askObi(directory, ID)).toHaveLength(1);
  });

  test('two that run are both asked, or the one that is named', async () => {
    await using _server = await start();
    const other = createServer((socket) => socket.once('data', () => socket.end('{"answer":{"spans":[]}}\n')));
    await new Promise<void>((resolve) => other.listen(join(directory, '1.sock'), resolve));
    try {
      expect((await askObi(directory, ID)).map(({ pid }) => pid)).toEqual([1, process.pid]);
      expect(await askObi(directory, ID, 1)).toEqual([{ pid: 1, reply: { answer: { spans: [] } } }]);
      await expect(askObi(directory, ID, 2)).rejects.toThrow('no obi with pid 2 answers there');
    } finally {
      other.close();
    }
  });

  test('an answer that is cut short is said to be', async () => {
    await using _server = await start();
    const other = createServer((socket) => socket.once('data', () => socket.end('{"answer":{"spa')));
    await new Promise<void>((resolve) => other.listen(join(directory, '1.sock'), resolve));
    try {
      expect(await askObi(directory, ID, 1)).toEqual([{ pid: 1, reply: { error: { message: 'its answer is cut short' } } }]);
    } finally {
      other.close();
    }
  });
});

test('there is no directory: no obi runs', async () => {
  await expect(askObi(join(folder, 'nosuch'), ID)).rejects.toMatchObject({ code: 'OBI_ERR_EXPLAIN_UNREACHABLE' });
});

test('a directory that others may write to, or that is none, is not used', async () => {
  mkdirSync(directory);
  chmodSync(directory, 0o777);
  await expect(start()).rejects.toThrow('only this user can write');
  rmSync(directory, { recursive: true });
  mkdirSync(join(folder, 'elsewhere'));
  symlinkSync(join(folder, 'elsewhere'), directory);
  await expect(start()).rejects.toThrow('only this user can write');
});

test('a directory that cannot be made is an error, at once', async () => {
  for (directory of [join(folder, 'no/such'), '/proc/nowhere']) await expect(start()).rejects.toThrow('ENOENT');
});
