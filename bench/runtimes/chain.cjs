// SPDX-License-Identifier: Apache-2.0
// One service of the benchmark's chain for Node.js. NEXT=URL: waits t1 ms, asks the next one, and answers as a middle of tests/workloads/parents/README.md
// does. Without NEXT: the last one, a leaf. MODE=http | fetch: how it asks. CommonJS: the form that `--require` of OpenTelemetry instruments.
'use strict';
const http = require('node:http');
const { setTimeout: sleep } = require('node:timers/promises');

const { NEXT, MODE = 'http' } = process.env;
const agent = new http.Agent({ keepAlive: true });

const viaHttp = (url) =>
  new Promise((resolve, reject) => {
    http
      .get(url, { agent }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () => resolve(JSON.parse(body))).on('error', reject);
      })
      .on('error', reject);
  });
const ask = MODE === 'fetch' ? async (url) => (await fetch(url)).json() : viaHttp;

async function answer(request, query) {
  const id = query.get('id');
  if (NEXT) {
    await sleep(Number(query.get('t1')));
    return { id, leaves: [await ask(`${NEXT}/leaf?id=${id}&call=1`)] };
  }
  const seen = request.headersDistinct.traceparent ?? [];
  return { id, call: Number(query.get('call')), traceparent: seen[0] ?? null, traceparents: seen.length };
}

const server = http.createServer(async (request, response) => {
  try {
    const json = JSON.stringify(await answer(request, new URL(request.url, 'http://chain').searchParams));
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) }).end(json);
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
});
server.keepAliveTimeout = 60_000;
server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, () => console.log(`listening ${server.address().port}`));
