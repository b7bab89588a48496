// SPDX-License-Identifier: Apache-2.0
// Middle of the parents measurement (tests/workloads/parents/README.md) for any Node.js from 18 on: MODE=http | fetch | undici | https-like modes below.
// KEEPALIVE=1: pooled connections, four to each leaf. WORKERS=n: requests are served by that many worker threads, or (CLUSTER=1) processes.
'use strict';
const http = require('node:http');
const { setTimeout: sleep } = require('node:timers/promises');
const { pipeline, PassThrough } = require('node:stream');

const leaves = process.env.LEAVES.split(',');
const mode = process.env.MODE ?? 'http';
const count = Number(process.env.WORKERS ?? 0);
const agent = process.env.KEEPALIVE === '1' ? new http.Agent({ keepAlive: true, maxSockets: 4 }) : new http.Agent({ keepAlive: false, maxSockets: 8 });
const pools = mode === 'undici' ? leaves.map((url) => new (require(process.env.UNDICI).Pool)(url, { connections: 4 })) : [];

const viaHttp = (url) =>
  new Promise((resolve, reject) => {
    const request = http.request(url, { agent }, (response) => {
      let body = '';
      // Through a pipe, whose callbacks run in other turns of the loop.
      const through = pipeline(response, new PassThrough(), (error) => error && reject(error));
      through.setEncoding('utf8').on('data', (chunk) => (body += chunk));
      through.on('end', () => resolve(JSON.parse(body)));
    });
    request.on('error', reject).end();
  });

let turn = 0;
async function call(number, wait, id) {
  await sleep(wait);
  const path = `/leaf?id=${id}&call=${number}`;
  const way = mode === 'mix' ? ['http', 'fetch'][turn++ % 2] : mode;
  if (way === 'fetch') return (await fetch(leaves[number - 1] + path)).json();
  if (way === 'undici') return (await pools[number - 1].request({ path, method: 'GET' })).body.json();
  return viaHttp(leaves[number - 1] + path);
}

async function answer(request, response) {
  const { searchParams } = new URL(request.url, 'http://middle');
  const id = searchParams.get('id');
  const order = searchParams.get('order');
  const [first, second] = [...order.slice(-2)].map(Number);
  const [t1, t2] = [Number(searchParams.get('t1')), Number(searchParams.get('t2'))];
  try {
    const answers = order.startsWith('p')
      ? await Promise.all([call(first, t1, id), call(second, t2, id)])
      : [await call(first, t1, id), await call(second, t2, id)];
    response.end(JSON.stringify({ id, leaves: answers }));
  } catch (error) {
    response.statusCode = 500;
    response.end(error.stack);
  }
}

function serve(port, told) {
  const server = http.createServer(answer);
  server.keepAliveTimeout = 60_000;
  server.listen({ port, host: '127.0.0.1', backlog: 1024 }, () => told(server.address().port));
}

const { Worker, isMainThread, parentPort } = require('node:worker_threads');
const cluster = require('node:cluster');
const say = (port) => console.log(`listening ${port}`);
if (!isMainThread) serve(0, (port) => parentPort.postMessage(port));
else if (process.env.CLUSTER === '1' && cluster.isPrimary) {
  let listening = 0;
  for (let n = 0; n < count; n++) cluster.fork();
  cluster.on('listening', (_, { port }) => ++listening === count && say(port));
} else if (count > 0 && process.env.CLUSTER !== '1') {
  // One port for each thread; the first line is the one that a client needs, the others follow as `thread PORT`.
  for (let n = 0; n < count; n++) new Worker(__filename).on('message', (port) => (n === 0 ? say(port) : console.log(`thread ${port}`)));
} else serve(Number(process.env.PORT ?? 0), cluster.isPrimary ? say : () => {});
