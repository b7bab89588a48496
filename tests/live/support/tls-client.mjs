// SPDX-License-Identifier: Apache-2.0
// A client of tests/workloads/go-tls that behaves in one of these ways:
// node tls-client.mjs slow PORT BYTES MS    reads nothing for so long after it has asked, then all
// node tls-client.mjs cut PORT BYTES MS     begins to read, and so much later closes the connection, which resets it
// node tls-client.mjs steady PORT           eight kept connections ask without a pause, until standard input ends; prints `asking` first, and how many it asked
import https from 'node:https';
import tls from 'node:tls';

const [way, port = '', bytes = '0', ms = '0'] = process.argv.slice(2);
// The certificate is made for the test.
const to = { host: '127.0.0.1', port: Number(port), rejectUnauthorized: false };

function download() {
  const socket = tls.connect(to, () => {
    socket.write(`GET /bytes/${bytes} HTTP/1.1\r\nHost: service\r\nConnection: close\r\n\r\n`);
    if (way === 'slow') setTimeout(() => socket.resume(), Number(ms));
  });
  let received = 0;
  socket.on('data', ({ length }) => {
    received += length;
    if (way !== 'cut') return;
    socket.pause();
    setTimeout(() => socket.destroy(), Number(ms));
  });
  socket.on('close', () => console.log(received));
  socket.on('error', () => {});
  if (way === 'slow') socket.pause();
}

async function steady() {
  const agent = new https.Agent({ ...to, keepAlive: true, maxSockets: 8 });
  let goesOn = true;
  process.stdin.resume().on('end', () => {
    goesOn = false;
  });
  const ask = (/** @type {number} */ status) =>
    new Promise((resolve, reject) => {
      https.get({ ...to, agent, path: `/status/${status}` }, (response) => response.resume().on('end', resolve)).on('error', reject);
    });
  let asked = 0;
  const worker = async () => {
    while (goesOn) await ask(200 + (asked++ % 300));
  };
  // Every connection is there before it says so.
  await Promise.all(Array.from({ length: 8 }, () => ask(200)));
  console.log('asking');
  await Promise.all(Array.from({ length: 8 }, worker));
  console.log(asked);
  agent.destroy();
}

if (way === 'steady') await steady();
else download();
