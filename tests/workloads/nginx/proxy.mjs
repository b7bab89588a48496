// SPDX-License-Identifier: Apache-2.0
// Starts nginx with a location for each way of going upstream, and says on which port it listens. See README.md.
// From the environment: LEAF, HANGS_UP, RESETS, SILENT, UNAVAILABLE (URLs), DNS (address), WORKERS, DROP (the incoming traceparent is not handed on).
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const { WORKERS = '1', DROP, DNS } = process.env;
const host = (/** @type {string} */ name) => new URL(process.env[name] ?? 'http://127.0.0.1:9').host;
const folder = mkdtempSync(path.join(os.tmpdir(), 'obi-nginx-'));
const leaf = host('LEAF');
/** A location that sets fields of its own inherits none. */
const HEADERS = `proxy_set_header Connection ""; ${DROP ? 'proxy_set_header traceparent "";' : ''}`;

/** What comes after a server that does not do its work. @param {string} name @param {string} first */
const failing = (name, first) => `upstream ${name} { server ${first} max_fails=0; server ${leaf} backup; keepalive 16; }`;

/** @param {number} port */
const configuration = (port) => `
daemon off;
user root;
worker_processes ${WORKERS};
pid ${folder}/pid;
error_log stderr crit;
events { worker_connections 2048; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  client_body_buffer_size 8k;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  proxy_cache_path ${folder}/cache keys_zone=cached:1m;
  limit_req_zone $server_name zone=limited:1m rate=500r/s;
  keepalive_requests 1000000;
  proxy_http_version 1.1;
  ${HEADERS}
  ${DNS ? `resolver ${DNS} valid=1s ipv6=off;` : ''}
  upstream once { server ${leaf}; }
  upstream kept { server ${leaf}; keepalive 16; }
  ${failing('refused', '127.0.0.1:1')}
  ${failing('hangs_up', host('HANGS_UP'))}
  ${failing('resets', host('RESETS'))}
  ${failing('silent', host('SILENT'))}
  ${failing('unavailable', host('UNAVAILABLE'))}
  server {
    listen 127.0.0.1:${port} backlog=1024;
    proxy_next_upstream error timeout http_503;
    location /old/ { proxy_http_version 1.0; proxy_pass http://once; }
    location /new/ { proxy_pass http://once; }
    ${['kept', 'refused', 'hangs_up', 'resets', 'unavailable'].map((name) => `location /${name}/ { proxy_pass http://${name}; }`).join('\n    ')}
    location /silent/ { proxy_read_timeout 30ms; proxy_pass http://silent; }
    location /unbuffered/ { proxy_request_buffering off; proxy_pass http://kept; }
    location /auth/ { set $asked $arg_id; auth_request /allowed; proxy_pass http://kept; }
    location = /allowed { internal; proxy_pass_request_body off; ${HEADERS} proxy_set_header Content-Length ""; proxy_pass http://once/leaf?id=$asked&call=2; }
    location /mirror/ { set $asked $arg_id; mirror /copy; proxy_pass http://kept; }
    location = /copy { internal; proxy_pass http://once/copy?id=$asked&call=2; }
    location /error/ { set $asked $arg_id; proxy_intercept_errors on; error_page 500 =200 @other; proxy_pass http://kept; }
    location @other { rewrite ^ /other?id=$asked&call=2? break; proxy_pass http://once; }
    location /accel/ { proxy_pass http://kept; }
    location = /redirected { internal; proxy_pass http://once/redirected?id=$arg_id&call=2; }
    location /cached/ { proxy_cache cached; proxy_cache_key $arg_key; proxy_cache_valid 200 1s; proxy_cache_lock on; proxy_pass http://kept; }
    location /limited/ { limit_req zone=limited burst=2000; proxy_pass http://kept; }
    location /local/ { return 200 "local"; }
    ${DNS ? `location /resolved/ { set $name leaf.test; proxy_pass http://$name:${leaf.split(':')[1]}; }` : ''}
  }
}
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

const port = await freePort();
const file = path.join(folder, 'nginx.conf');
writeFileSync(file, configuration(port));
const child = spawn('nginx', ['-e', 'stderr', '-p', folder, '-c', file], {
  stdio: ['ignore', 'inherit', 'inherit'],
  env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
});
child.on('exit', (code) => {
  rmSync(folder, { recursive: true, force: true });
  process.exit(code ?? 0);
});
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.on(signal, () => child.kill('SIGINT'));
while (!(await listens(port))) await delay(10); // a port that opens gives no other signal
console.log(`listening ${port}`);
