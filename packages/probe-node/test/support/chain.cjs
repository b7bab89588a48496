// SPDX-License-Identifier: Apache-2.0
// Whether the script names the right cause, without obi: `node chain.cjs SCRIPT MODE REQUESTS` on any supported version prints
// {"right", "wrong", "unknown", "unmarked"} for the outgoing requests of a service with 50 incoming ones in flight.
// Marks go to a function in place of Node's own; truth is what two further services saw: which id came on which connection, in which order.
'use strict';
const { fork } = require('node:child_process');
const http = require('node:http');
const https = require('node:https');
const net = require('node:net');
const fs = require('node:fs');
const path = require('node:path');
const channels = require('node:diagnostics_channel');

const [, , role, ...args] = process.argv;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const random = (below) => Math.floor(Math.random() * below);
const tls = { key: path.join(__dirname, 'key.pem'), cert: path.join(__dirname, 'cert.pem') };

if (role === 'leaf') leaf(args[0]);
else if (role === 'service') service(JSON.parse(args[0]));
else drive(role, args[0], Number(args[1]));

/** Notes the ids in the order in which they came, by connection. */
function leaf(mode) {
  const seen = {};
  const answer = (request, response) => {
    const connection = `${server.address().port}/${request.socket.remotePort}`;
    seen[connection] ??= [];
    seen[connection].push(request.headers['x-id']);
    request.resume().on('end', () => setTimeout(() => response.end(request.headers['x-id']), random(4)));
  };
  const server = mode === 'https' ? https.createServer({ key: fs.readFileSync(tls.key), cert: fs.readFileSync(tls.cert) }, answer) : http.createServer(answer);
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
  process.on('message', () => process.send({ seen }));
}

function service({ script, mode, ports, late }) {
  const sockets = new Set();
  const { connect } = net.Socket.prototype;
  net.Socket.prototype.connect = function (...rest) {
    sockets.add(this);
    this.once('close', () => sockets.delete(this));
    return connect.apply(this, rest);
  };
  const idOfFd = new Map();
  const idOfScope = new Map();
  const told = {};
  channels.channel('http.server.request.start').subscribe(({ request, socket }) => idOfFd.set(socket._handle.fd, request.headers['x-id']));
  process._kill = ((pid, signal) => {
    if (signal < 0x0b000000 || signal > 0x0bffffff) return 0;
    const fd = signal & 0xfffff;
    const scope = pid & 0x3fffffff;
    if (((signal >> 20) & 0xf) === 1) idOfScope.set(scope, idOfFd.get(fd));
    else {
      const socket = [...sockets].find((s) => s._handle?.fd === fd);
      const key = `${socket.remotePort}/${socket.localPort}`;
      told[key] ??= [];
      told[key].push(scope === 0 ? null : idOfScope.get(scope));
    }
    return -22;
  }).bind(null);
  const inject = () => process.send({ injected: new Function('require', `return ${fs.readFileSync(script, 'utf8')}`)(require) });
  const call = caller(mode, ports);
  const server = http.createServer(async (request, response) => {
    const id = request.headers['x-id'];
    try {
      await sleep(random(10));
      const order = random(2) ? [0, 1] : [1, 0];
      const answers = await Promise.all(
        order.map(async (n) => {
          await sleep(random(5));
          return call(n, id, request);
        }),
      );
      response.end(String(answers.every((answer) => answer === id)));
    } catch (error) {
      response.statusCode = 500;
      response.end(error.stack);
    }
  });
  if (!late) inject();
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
  process.on('message', (what) => (what === 'inject' ? inject() : process.send({ told })));
}

/** @returns (which downstream, id) → answer, in the way that the mode names. */
function caller(mode, ports) {
  const scheme = mode === 'https' ? https : http;
  const agent = mode === 'new' ? false : new scheme.Agent({ keepAlive: mode !== 'close', maxSockets: mode === 'close' ? 8 : 4 });
  const text = (response, done) => {
    let body = '';
    response.setEncoding('utf8').on('data', (chunk) => (body += chunk));
    response.on('end', () => done(body));
  };
  const viaHttp = (n, id, method = 'GET') =>
    new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: ports[n], headers: { 'x-id': id }, agent, method, rejectUnauthorized: false };
      const request = scheme.request(options, (response) => text(response, resolve)).on('error', reject);
      if (method === 'POST') {
        request.write('a');
        setTimeout(() => request.end('b'), 2);
      } else request.end();
    });
  if (mode === 'fetch') return async (n, id) => (await fetch(`http://127.0.0.1:${ports[n]}/`, { headers: { 'x-id': id } })).text();
  if (mode === 'undici' || mode === 'undici-fetch') {
    const undici = require(process.env.UNDICI);
    const pools = ports.map((port) => new undici.Pool(`http://127.0.0.1:${port}`, { connections: 3, pipelining: 1 }));
    if (mode === 'undici') return async (n, id) => (await pools[n].request({ path: '/', method: 'GET', headers: { 'x-id': id } })).body.text();
    return async (n, id) => (await undici.fetch(`http://127.0.0.1:${ports[n]}/`, { dispatcher: pools[n], headers: { 'x-id': id } })).text();
  }
  if (mode === 'post') return (n, id) => viaHttp(n, id, 'POST');
  return (n, id) => viaHttp(n, id);
}

async function drive(script, mode, requests) {
  const children = [];
  const start = (...more) => {
    const child = fork(__filename, more, { stdio: ['ignore', 2, 2, 'ipc'] });
    children.push(child);
    return child;
  };
  const next = (child, key) =>
    new Promise((resolve, reject) => {
      child.on('message', (message) => key in message && resolve(message[key]));
      child.once('exit', (code) => reject(new Error(`a service ended with ${code}`)));
    });
  try {
    const leaves = [start('leaf', mode), start('leaf', mode)];
    const ports = await Promise.all(leaves.map((child) => next(child, 'port')));
    const late = mode === 'late';
    const app = start('service', JSON.stringify({ script, mode, ports, late }));
    const injected = next(app, 'injected');
    const port = await next(app, 'port');
    const agent = new http.Agent({ keepAlive: true, maxSockets: 50 });
    let sent = 0;
    const one = (id) =>
      new Promise((resolve, reject) => {
        http
          .get({ host: '127.0.0.1', port, agent, headers: { 'x-id': id } }, (response) => {
            let body = '';
            response.setEncoding('utf8').on('data', (chunk) => (body += chunk));
            response.on('end', () => (body === 'true' ? resolve() : reject(new Error(body))));
          })
          .on('error', reject);
      });
    const worker = async () => {
      while (sent < requests) await one(`r${sent++}`);
    };
    const all = Array.from({ length: 50 }, worker);
    if (late) setTimeout(() => app.send('inject'), 150);
    if ((await injected) !== 'ok') throw new Error(`not injected: ${await injected}`);
    await Promise.all(all);
    agent.destroy();
    const reports = Promise.all([next(app, 'told'), ...leaves.map((child) => next(child, 'seen'))]);
    for (const child of children) child.send('report');
    const [told, ...seen] = await reports;
    console.log(JSON.stringify(compare(told, Object.assign({}, ...seen))));
  } finally {
    for (const child of children) child.kill();
  }
}

/** Connection by connection, from its end: what came before the injection was not told. */
function compare(told, seen) {
  const result = { right: 0, wrong: 0, unknown: 0, unmarked: 0 };
  for (const [connection, ids] of Object.entries(seen)) {
    const causes = told[connection] ?? [];
    if (causes.length > ids.length) result.wrong += causes.length - ids.length;
    result.unmarked += Math.max(0, ids.length - causes.length);
    for (let back = 1; back <= Math.min(ids.length, causes.length); back++) {
      const cause = causes.at(-back);
      if (cause === null || cause === undefined) result.unknown++;
      else if (cause === ids.at(-back)) result.right++;
      else result.wrong++;
    }
  }
  return result;
}
