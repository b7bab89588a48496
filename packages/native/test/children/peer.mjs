// SPDX-License-Identifier: Apache-2.0
// An echo server and its client in one process, over loopback. Commands on stdin: connect, write. Answers are JSON lines.
import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';
import { createInterface } from 'node:readline';

const say = (value) => console.log(JSON.stringify(value));
const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address();
say({ port });

let client;
for await (const command of createInterface({ input: process.stdin })) {
  if (command === 'connect') {
    client = createConnection(port, '127.0.0.1');
    await once(client, 'connect');
    say({ connected: true });
  } else if (command === 'write') {
    client.write('hello');
    const [echo] = await once(client, 'data');
    say({ echo: echo.toString() });
  }
}
