// SPDX-License-Identifier: Apache-2.0
// The middles that parents.live.test.ts measures, and what is promised of each.
import type { Listed } from '../../harness/parents-middles.mjs';

/**
 * promised: `handler`: the calls that the thread makes that read the request; `all`: every call; none: right or unknown, never wrong.
 * headers: false where a kernel with the FIONREAD fault keeps them from all but the first request of a connection (adr 0004): judged by the spans then.
 */
export interface Row extends Listed {
  readonly promised?: 'handler' | 'all';
  readonly headers?: boolean;
}

const KEEP = { KEEPALIVE: '1' };

export const MIDDLES: readonly Row[] = [
  { name: 'C, thread per connection', family: 'c', env: {}, promised: 'handler' },
  { name: 'C, thread per connection, calls in a pool', family: 'c', env: { PARALLEL: 'pool', ...KEEP }, promised: 'handler' },
  { name: 'C, pool of connections', family: 'c', env: { MODE: 'pool', ...KEEP }, promised: 'handler' },
  { name: 'C, pool, epoll tells who is ready', family: 'c', env: { MODE: 'ready', ...KEEP }, promised: 'handler' },
  { name: 'C, pool, handed over after reading', family: 'c', env: { MODE: 'hand-off', ...KEEP } },
  { name: 'Rust, thread per connection', family: 'rust', env: {}, promised: 'handler' },
  { name: 'Rust, pool of connections', family: 'rust', env: { MODE: 'pool', ...KEEP }, promised: 'handler' },
  { name: 'Python, thread per connection', family: 'python', env: {}, promised: 'handler' },
  { name: 'Python, calls in a pool', family: 'python', env: { PARALLEL: 'pool', ...KEEP }, promised: 'handler' },
  { name: 'JDK server, HttpURLConnection', family: 'jdk', env: {}, promised: 'handler' },
  { name: 'JDK server, HttpURLConnection kept', family: 'jdk', env: KEEP, promised: 'handler', headers: false },
  { name: 'JDK server, calls in a pool', family: 'jdk', env: { PARALLEL: 'pool' }, promised: 'handler' },
  { name: 'JDK server, HttpClient', family: 'jdk', env: { CLIENT: 'http' } },
  { name: 'JDK server, HttpClient kept', family: 'jdk', env: { CLIENT: 'http', ...KEEP } },
  { name: 'JDK server, HttpClient async kept', family: 'jdk', env: { CLIENT: 'async', ...KEEP } },
  { name: 'Jetty, HttpURLConnection', family: 'jetty', env: {}, promised: 'handler' },
  { name: 'Jetty, HttpClient kept', family: 'jetty', env: { CLIENT: 'http', ...KEEP } },
  { name: 'Tomcat, HttpURLConnection', family: 'tomcat', env: {}, promised: 'handler' },
  { name: 'Tomcat, HttpClient kept', family: 'tomcat', env: { CLIENT: 'http', ...KEEP } },
  { name: 'WEBrick', family: 'ruby', env: {}, promised: 'handler' },
  { name: 'WEBrick, kept', family: 'ruby', env: KEEP, promised: 'handler' },
  { name: 'Puma', family: 'puma', env: {} },
  { name: 'Puma, fewer threads than requests', family: 'puma', env: { THREADS: '16', ...KEEP } },
  { name: 'nginx', family: 'nginx', env: {}, promised: 'all', headers: false },
  { name: 'nginx, kept', family: 'nginx', env: { KEEPALIVE: '16' }, promised: 'all', headers: false },
  { name: 'nginx, kept, 4 workers', family: 'nginx', env: { KEEPALIVE: '16', WORKERS: '4' }, promised: 'all', headers: false },
  { name: 'nginx, auth_request', family: 'nginx', env: { AUTH: '1' }, calls: 2, promised: 'all', headers: false },
  { name: 'nginx, kept, auth_request', family: 'nginx', env: { KEEPALIVE: '16', AUTH: '1' }, calls: 2 },
  { name: 'nginx, kept, limit_req', family: 'nginx', env: { KEEPALIVE: '16', LIMIT: '500' }, promised: 'all', headers: false },
  { name: 'nginx, kept, hands the header on', family: 'nginx', env: { KEEPALIVE: '16', FORWARD: '1' } },
  { name: 'nginx, auth_request, hands the header on', family: 'nginx', env: { AUTH: '1', FORWARD: '1' }, calls: 2 },
  { name: 'HAProxy', family: 'haproxy', env: {} },
  { name: 'HAProxy, 2 threads, reuse safe', family: 'haproxy', env: { REUSE: 'safe', WORKERS: '2' } },
  { name: 'HAProxy, reuse always', family: 'haproxy', env: { REUSE: 'always' } },
  { name: 'HAProxy, reuse always, hands the header on', family: 'haproxy', env: { REUSE: 'always', FORWARD: '1' } },
];
