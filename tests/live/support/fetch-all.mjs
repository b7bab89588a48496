// SPDX-License-Identifier: Apache-2.0
// GETs URLs, all at once or each on its own, each with a deadline. usage: node fetch-all.mjs SECONDS URL…   prints [[status, bytes, md5] | 'hangs' | error, …] as JSON
import { createHash } from 'node:crypto';
import http from 'node:http';

const [, , seconds, ...urls] = process.argv;

/** @param {string} url @returns {Promise<unknown>} */
const fetchOne = (url) =>
  new Promise((resolve) => {
    const hash = createHash('md5');
    let bytes = 0;
    const request = http.get(url, { agent: false, signal: AbortSignal.timeout(Number(seconds) * 1000) }, (response) => {
      response.on('data', (chunk) => {
        bytes += chunk.length;
        hash.update(chunk);
      });
      response.on('end', () => resolve([response.statusCode, bytes, hash.digest('hex')]));
      response.on('error', (error) => resolve(reason(error)));
    });
    request.on('error', (error) => resolve(reason(error)));
  });

/** @param {Error} error */
const reason = (error) => (error.name === 'AbortError' || error.message === 'aborted' ? 'hangs' : error.message);

process.stdout.write(JSON.stringify(await Promise.all(urls.map(fetchOne))));
