// SPDX-License-Identifier: Apache-2.0
// The middles that parents.live.test.ts measures, and what is promised of each.
import type { Listed } from '../../harness/parents-middles.mjs';

/**
 * promised: `handler`: the calls that the thread makes that read the request; `all`: every call; none: right or unknown, never wrong.
 * first: who calls gives up its sockets to obi for one request each (adr 0004), because they `block`, or for `FIONREAD` where the kernel has that fault: not every
 * promised call carries the header then, and those that do not are judged by the spans.
 */
export interface Row extends Listed {
  readonly promised?: 'handler' | 'all';
  readonly first?: 'blocks' | 'FIONREAD';
  /** Run in virtual machines too. */
  readonly sample?: true;
}

const KEEP = { KEEPALIVE: '1' };

export const MIDDLES: readonly Row[] = [
  { name: 'C, thread per connection', family: 'c', env: {}, promised: 'handler' },
  { name: 'C, thread per connection, calls in a pool', family: 'c', env: { PARALLEL: 'pool', ...KEEP }, promised: 'handler', first: 'blocks' },
  { name: 'C, pool of connections', family: 'c', env: { MODE: 'pool', ...KEEP }, promised: 'handler', first: 'blocks' },
  { name: 'C, pool, epoll tells who is ready', family: 'c', env: { MODE: 'ready', ...KEEP }, promised: 'handler', first: 'blocks' },
  { name: 'C, pool, handed over after reading', family: 'c', env: { MODE: 'hand-off', ...KEEP } },
  { name: 'Rust, thread per connection', family: 'rust', env: {}, promised: 'handler' },
  { name: 'Rust, pool of connections', family: 'rust', env: { MODE: 'pool', ...KEEP }, promised: 'handler', first: 'blocks' },
  { name: 'Python, thread per connection', family: 'python', env: {}, promised: 'handler' },
  { name: 'Python, calls in a pool', family: 'python', env: { PARALLEL: 'pool', ...KEEP }, promised: 'handler' },
  { name: 'JDK server, HttpURLConnection', family: 'jdk', env: {}, promised: 'handler', sample: true },
  { name: 'JDK server, HttpURLConnection kept', family: 'jdk', env: KEEP, promised: 'handler', first: 'blocks' },
  { name: 'JDK server, calls in a pool', family: 'jdk', env: { PARALLEL: 'pool' }, promised: 'handler' },
  { name: 'JDK server, HttpClient', family: 'jdk', env: { CLIENT: 'http' } },
  { name: 'JDK server, HttpClient kept', family: 'jdk', env: { CLIENT: 'http', ...KEEP } },
  { name: 'JDK server, HttpClient async kept', family: 'jdk', env: { CLIENT: 'async', ...KEEP } },
  { name: 'Jetty, HttpURLConnection', family: 'jetty', env: {}, promised: 'handler' },
  { name: 'Jetty, HttpClient kept', family: 'jetty', env: { CLIENT: 'http', ...KEEP } },
  { name: 'Tomcat, HttpURLConnection', family: 'tomcat', env: {}, promised: 'handler' },
  { name: 'Tomcat, HttpClient kept', family: 'tomcat', env: { CLIENT: 'http', ...KEEP } },
  { name: 'WEBrick', family: 'ruby', env: {}, promised: 'handler' },
  { name: 'WEBrick, kept', family: 'ruby', env: KEEP, promised: 'handler', sample: true },
  { name: 'Puma', family: 'puma', env: {} },
  { name: 'Puma, fewer threads than requests', family: 'puma', env: { THREADS: '16', ...KEEP } },
  { name: 'nginx', family: 'nginx', env: {}, promised: 'all', sample: true },
  { name: 'nginx, kept', family: 'nginx', env: { KEEPALIVE: '16' }, promised: 'all', first: 'FIONREAD', sample: true },
  { name: 'nginx, kept, 4 workers', family: 'nginx', env: { KEEPALIVE: '16', WORKERS: '4' }, promised: 'all', first: 'FIONREAD' },
  { name: 'nginx, auth_request', family: 'nginx', env: { AUTH: '1' }, calls: 2, promised: 'all' },
  { name: 'nginx, kept, auth_request', family: 'nginx', env: { KEEPALIVE: '16', AUTH: '1' }, calls: 2 },
  { name: 'nginx, kept, limit_req', family: 'nginx', env: { KEEPALIVE: '16', LIMIT: '500' }, promised: 'all', first: 'FIONREAD' },
  { name: 'nginx, kept, hands the header on', family: 'nginx', env: { KEEPALIVE: '16', FORWARD: '1' } },
  { name: 'nginx, auth_request, hands the header on', family: 'nginx', env: { AUTH: '1', FORWARD: '1' }, calls: 2 },
  { name: 'HAProxy', family: 'haproxy', env: {} },
  { name: 'HAProxy, 2 threads, reuse safe', family: 'haproxy', env: { REUSE: 'safe', WORKERS: '2' } },
  { name: 'HAProxy, reuse always', family: 'haproxy', env: { REUSE: 'always' } },
  { name: 'HAProxy, reuse always, hands the header on', family: 'haproxy', env: { REUSE: 'always', FORWARD: '1' } },
];
