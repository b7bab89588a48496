// SPDX-License-Identifier: Apache-2.0
// GETs a URL; tries again while nobody listens. As a program, for use inside a sandbox's namespace: node get.mjs URL prints the body.
import http from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** @param {string} url @returns {Promise<string>} */
const once = (url) =>
  new Promise((resolve, reject) => {
    http
      .get(url, { agent: false }, (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk) => (body += chunk));
        response.on('error', reject);
        response.on('end', () => (response.statusCode === 200 ? resolve(body) : reject(new Error(`${url}: status ${response.statusCode}: ${body}`))));
      })
      .on('error', reject);
  });

/** @param {string} url @param {number} [seconds] how long nobody may listen @returns {Promise<string>} the body of a 200 */
export async function get(url, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    try {
      return await once(url);
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ECONNREFUSED' || Date.now() > end) throw error;
      await delay(10); // a port that opens gives no other signal
    }
  }
}

if (process.argv[1] && fileURLToPath(import.meta.url) === process.argv[1]) get(process.argv[2] ?? '').then((body) => process.stdout.write(body));
