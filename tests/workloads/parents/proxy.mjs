// SPDX-License-Identifier: Apache-2.0
// Starts a proxy as a middle: writes its configuration, and says on which port it listens. See README.md.
// node proxy.mjs nginx|haproxy; LEAVES, KEEPALIVE, REUSE, WORKERS, AUTH, LIMIT and FORWARD from the environment.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const { LEAVES = '', PORT = '0', KEEPALIVE = '0', REUSE = 'never', WORKERS = '1', AUTH, FORWARD, LIMIT } = process.env;
const [first = '', second = first] = LEAVES.split(',').map((url) => new URL(url).host);
const folder = mkdtempSync(path.join(os.tmpdir(), 'obi-proxy-'));

/** @param {number} port */
const nginx = (port) => `
daemon off;
user root;
worker_processes ${WORKERS};
pid ${folder}/pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  keepalive_requests 1000000;
  proxy_http_version 1.1;
  proxy_set_header Connection "${KEEPALIVE === '0' ? 'close' : ''}";
  ${FORWARD ? '' : 'proxy_set_header traceparent "";'}
  upstream one { server ${first}; ${KEEPALIVE === '0' ? '' : `keepalive ${KEEPALIVE};`} }
  upstream two { server ${second}; ${KEEPALIVE === '0' ? '' : `keepalive ${KEEPALIVE};`} }
  ${LIMIT ? `limit_req_zone $host zone=all:1m rate=${LIMIT}r/s;` : ''}
  server {
    ${LIMIT ? 'limit_req zone=all burst=1000;' : ''}
    listen 127.0.0.1:${port} backlog=1024;
    location / {
      ${AUTH ? 'set $asked $arg_id; auth_request /allowed; auth_request_set $other $upstream_http_x_leaf; add_header x-other-leaf $other;' : ''}
      proxy_pass http://one;
    }
    ${AUTH ? 'location = /allowed { internal; proxy_pass http://two/leaf?id=$asked&call=2; }' : ''}
  }
}
`;

/** @param {number} port */
const haproxy = (port) => `
global
  nbthread ${WORKERS}
  maxconn 2000
defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
frontend in
  bind 127.0.0.1:${port} backlog 1024
  ${FORWARD ? '' : 'http-request del-header traceparent'}
  default_backend leaf
backend leaf
  http-reuse ${REUSE}
  ${REUSE === 'never' ? 'option httpclose' : ''}
  server one ${first}
`;

/** @returns {Promise<number>} a port that was free a moment ago */
const freePort = () =>
  new Promise((resolve, reject) => {
    const server = net.createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {net.AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });

/** @param {number} port @returns {Promise<boolean>} */
const listens = (port) =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => resolve(socket.end().readable)).on('error', () => resolve(false));
  });

const port = Number(PORT) || (await freePort());
const file = path.join(folder, 'proxy.conf');
const which = process.argv[2] === 'haproxy' ? 'haproxy' : 'nginx';
writeFileSync(file, which === 'haproxy' ? haproxy(port) : nginx(port));
const command = which === 'haproxy' ? ['haproxy', '-f', file] : ['nginx', '-e', 'stderr', '-p', folder, '-c', file];
const child = spawn(/** @type {string} */ (command[0]), command.slice(1), {
  stdio: ['ignore', 'inherit', 'inherit'],
  env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
});
child.on('exit', (code) => {
  rmSync(folder, { recursive: true, force: true });
  process.exit(code ?? 0);
});
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.on(signal, () => child.kill(which === 'nginx' ? 'SIGINT' : 'SIGUSR1'));
while (!(await listens(port))) await delay(10); // a port that opens gives no other signal
console.log(`listening ${port}`);
