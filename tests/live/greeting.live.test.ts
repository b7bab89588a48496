// SPDX-License-Identifier: Apache-2.0
// FIONREAD (FACTS: trap A) of sockets whose peer speaks first or answers early: a program of which nothing is known sees its bytes while obi is on.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Obi } from '../harness/obi.mjs';
import { patience } from '../harness/proc.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { which } from '../harness/services.mjs';
import { testUnless } from './support/chain.js';
import { features, inVm } from './support/features.js';

const ROUNDS = inVm ? 10 : 60;
const python = which('/usr/bin/python3', 'python3');
const compiler = which('cc', 'gcc', 'clang');
const why =
  features().fionreadFault !== true
    ? 'this kernel answers FIONREAD rightly'
    : !compiler
      ? 'there is no C compiler'
      : !python
        ? 'python3 is not installed'
        : undefined;

/** Sends 4096 bytes to everybody who connects; then answers each header block with as many, and says how many had a traceparent. */
const SERVER = `
import socket, sys, threading, time
server = socket.create_server(('127.0.0.1', 0), backlog=128)
print('listening', server.getsockname()[1], flush=True)
def serve(connection):
    try:
        if sys.argv[1] == 'first':
            connection.sendall(b'g' * 4096)
        seen = b''
        while True:
            data = connection.recv(65536)
            if not data:
                return
            seen += data
            if sys.argv[1] == 'hasty':
                # The first bytes are acknowledged on their own by then.
                time.sleep(0.1)
                seen = b'\\r\\n\\r\\n'
            while b'\\r\\n\\r\\n' in seen:
                head, seen = seen.split(b'\\r\\n\\r\\n', 1)
                if sys.argv[1] == 'early':
                    seen = b''
                sys.stdout.write('header %d\\n' % head.count(b'traceparent: '))
                sys.stdout.flush()
                answer = b'HTTP/1.1 200 OK\\r\\nContent-Length: 4096\\r\\n\\r\\n'
                connection.sendall(answer + b'x' * 4096)
    except OSError:
        pass
    finally:
        connection.close()
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
`;

let sandbox: Sandbox;
let folder: string;
let client: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'obi-greeting-'));
  client = path.join(folder, 'of-no-known-name');
  if (!why) execFileSync(compiler ?? 'cc', ['-O1', '-o', client, fileURLToPath(new URL('support/fionread-client.c', `file://${__dirname}/`))]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-greeting' });
});
afterEach(() => sandbox.dispose());

interface Seen {
  readonly asked: number;
  readonly waitedMs: number;
  readonly read: number;
}

async function run(mode: 'first' | 'answer' | 'early' | 'hasty', rounds: number, processes: number): Promise<{ seen: Seen[]; headers: number[] }> {
  const server = await sandbox.startOutside('server', [python ?? 'python3', '-c', SERVER, mode]);
  const [, port = ''] = await server.line(/^listening (\d+)$/);
  const obi = await Obi.start(sandbox);
  const clients = await Promise.all(Array.from({ length: processes }, () => sandbox.start('client', [client, mode, port, String(rounds)])));
  const seen: Seen[] = [];
  for (const one of clients) {
    const { code } = await one.exited;
    if (code !== 0) throw new Error(`client: exit code ${code}\n${one.tail()}`);
    for (const { text } of one.lines) {
      const [asked = 0, waitedMs = 0, read = 0] = text.split(' ').map(Number);
      seen.push({ asked, waitedMs, read });
    }
  }
  await obi.stop();
  await server.stop();
  return { seen, headers: server.lines.flatMap(({ text }) => (text.startsWith('header ') ? [Number(text.slice(7))] : [])) };
}

const blind = (seen: Seen[]) => seen.filter(({ asked }) => asked <= 0);

testUnless(why)('a server that speaks first', async () => {
  const { seen } = await run('first', ROUNDS, 4);
  expect(seen).toHaveLength(4 * ROUNDS);
  expect(blind(seen)).toEqual([]);
  expect(seen.filter(({ read }) => read !== 4096)).toEqual([]);
});

testUnless(why)('answers to requests on new and kept connections', async () => {
  const { seen, headers } = await run('answer', ROUNDS, 2);
  // Three requests on each connection.
  expect(seen).toHaveLength(2 * 3 * ROUNDS);
  expect(blind(seen)).toEqual([]);
  expect(headers).toHaveLength(seen.length);
  // The first of each connection carries the header: the sockets were watched.
  expect(headers.filter((count) => count === 1)).toHaveLength(2 * ROUNDS);
  expect(Math.max(...headers)).toBe(1);
});

testUnless(why)('an answer that comes before all of the request was sent', async () => {
  const { seen, headers } = await run('early', ROUNDS, 2);
  expect(seen).toHaveLength(2 * ROUNDS);
  expect(blind(seen)).toEqual([]);
  expect(headers).toEqual(headers.map(() => 1));
  expect(headers).toHaveLength(seen.length);
});

testUnless(why)('an answer to half a header block, some time after it was acknowledged', async () => {
  const { seen } = await run('hasty', ROUNDS / 5, 2);
  expect(seen).toHaveLength((2 * ROUNDS) / 5);
  expect(blind(seen)).toEqual([]);
});

if (why) console.warn(`greeting: nothing was tested: ${why} (${patience > 1 ? 'in the virtual machine' : 'on this machine'})`);
