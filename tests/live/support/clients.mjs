// SPDX-License-Identifier: Apache-2.0
// Ordinary clients: what each is started with, and how many requests it makes.
import { fileURLToPath } from 'node:url';
import { which } from '../../harness/services.mjs';

const folder = fileURLToPath(new URL('../../workloads/raw/', import.meta.url));
const python = which('/usr/bin/python3', 'python3');
const ruby = which('/usr/bin/ruby', 'ruby');
const curl = which('curl');

/** @param {string} url */
const curlArguments = (url) => {
  const one = [
    ['-s', `${url}/a`, `${url}/b?size=5000`, `${url}/c`],
    ['-s', '-d', 'hello', `${url}/post`],
    ['-s', '-I', `${url}/head`],
    ['-s', '--http1.0', `${url}/old`],
    ['-s', '-H', 'Expect: 100-continue', '-d', 'x'.repeat(3000), `${url}/expect`],
    ['-s', '-H', 'Transfer-Encoding: chunked', '-d', 'y'.repeat(3000), `${url}/chunked`],
    ['-s', '-H', 'TraceParent: 00-11111111111111111111111111111111-2222222222222222-01', `${url}/own`],
    ['-s', '--http2', `${url}/stay`, `${url}/stay`],
  ];
  return one.flatMap((args, n) => (n ? ['--next', ...args] : args));
};

/** @type {Record<string, { command: ((port: number) => string[]) | undefined, requests: number, kept: number }>} kept: requests with a traceparent of their own */
export const clients = {
  curl: { command: curl ? (port) => [curl, ...curlArguments(`http://127.0.0.1:${port}`)] : undefined, requests: 11, kept: 1 },
  'Python http.client': { command: python ? (port) => [python, `${folder}keepalive.py`, String(port)] : undefined, requests: 20, kept: 0 },
  'Ruby Net::HTTP': { command: ruby ? (port) => [ruby, `${folder}keepalive.rb`, String(port)] : undefined, requests: 20, kept: 0 },
  'Node http': { command: (port) => [process.execPath, `${folder}keepalive.mjs`, String(port)], requests: 20, kept: 0 },
};
