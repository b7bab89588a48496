// SPDX-License-Identifier: Apache-2.0
// A client of tests/workloads/go-tls over one connection of HTTP/2, that behaves in one of these ways:
// node http2-client.mjs statuses PORT N    asks for N statuses, all at once
// node http2-client.mjs reset PORT BYTES   resets the stream when the first bytes have come
// node http2-client.mjs ask PORT PATH      asks for that path, in the trace 0af7651916cd43dd8448eb211c80319c
// node http2-client.mjs broken PORT        asks for a handler that panics
// node http2-client.mjs steady PORT        eight streams at a time until standard input ends; prints `asking` first, and how many it asked
import http2 from 'node:http2';

const [way, port = '', count = '0'] = process.argv.slice(2);
// The certificate is made for the test.
const session = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });

/** @param {string} path @param {(request: http2.ClientHttp2Stream) => void} [onData] @param {Record<string, string>} [headers] */
const ask = (path, onData, headers = {}) =>
  new Promise((resolve) => {
    const request = session.request({ ':path': path, 'user-agent': 'a test', 'x-empty': '', ...headers });
    request.on('data', () => onData?.(request));
    request.on('error', () => {});
    request.on('close', resolve);
  });

async function steady() {
  let goesOn = true;
  process.stdin.resume().on('end', () => {
    goesOn = false;
  });
  let asked = 0;
  const worker = async () => {
    while (goesOn) await ask(`/status/${200 + (asked++ % 300)}`);
  };
  await ask('/status/200');
  console.log('asking');
  await Promise.all(Array.from({ length: 8 }, worker));
  console.log(asked);
}

switch (way) {
  case 'statuses':
    await Promise.all(Array.from({ length: Number(count) }, (_, n) => ask(`/status/${200 + n}?n=${n}`)));
    break;
  case 'reset':
    await ask(`/bytes/${count}`, (request) => request.close(http2.constants.NGHTTP2_CANCEL));
    break;
  case 'ask':
    await ask(count, undefined, { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' });
    break;
  case 'broken':
    await ask('/panic/0');
    break;
  default:
    await steady();
}
session.close();
