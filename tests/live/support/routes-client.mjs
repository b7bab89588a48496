// SPDX-License-Identifier: Apache-2.0
// A client of tests/workloads/go-routes: asks for its paths in turn, fifty at a time, on kept connections.
// node routes-client.mjs http1|http2 URL N
import http from 'node:http';
import http2 from 'node:http2';

const [protocol, url = '', count = '0'] = process.argv.slice(2);
const AT_ONCE = 50;
const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });
// The certificate is made for the test.
const session = protocol === 'http2' ? http2.connect(url, { rejectUnauthorized: false }) : undefined;

/** @param {string} path @returns {Promise<void>} */
const ask = (path) =>
  new Promise((resolve, reject) => {
    const request = session ? session.request({ ':path': path }) : http.get(`${url}${path}`, { agent }, (response) => response.resume().on('end', resolve));
    request.on('error', reject);
    if (session) request.resume().on('end', resolve);
  });

const paths = [
  (n) => `/users/${n}`,
  (n) => `/files/a/${n}`,
  (n) => `/api/items/${n}`,
  (n) => `/nested/${n}/things/${n}`,
  (n) => `/inside/${n}`,
  (n) => `/nothing/${n}`,
];
let asked = 0;
const worker = async () => {
  while (asked < Number(count)) {
    const n = asked++;
    await ask(paths[n % paths.length]?.(n) ?? '/');
  }
};
await Promise.all(Array.from({ length: AT_ONCE }, worker));
session?.close();
agent.destroy();
