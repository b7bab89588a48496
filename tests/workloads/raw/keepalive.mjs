// SPDX-License-Identifier: Apache-2.0
// Node's own client, one connection: GETs, POSTs with and without a length. usage: node keepalive.mjs PORT   prints what was answered
import http from 'node:http';

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

/** @param {string} method @param {string[]} pieces @param {Record<string, string>} [headers] */
const ask = (method, pieces, headers = {}) =>
  new Promise((resolve, reject) => {
    const request = http.request({ port: process.argv[2], host: '127.0.0.1', method, path: `/${method}?size=2000`, agent, headers }, (response) => {
      let body = '';
      response
        .setEncoding('utf8')
        .on('data', (chunk) => (body += chunk))
        .on('end', () => resolve(`${response.statusCode} ${body.length} ${body.slice(0, 80)}`))
        .on('error', reject);
    });
    request.on('error', reject);
    for (const piece of pieces) request.write(piece);
    request.end();
  });

for (let n = 0; n < 5; n++) {
  console.log(await ask('GET', []));
  console.log(await ask('POST', ['hello'], { 'content-length': '5' }));
  console.log(await ask('PUT', ['one', 'two'.repeat(50_000), 'three']));
  console.log(await ask('HEAD', []));
}
agent.destroy();
