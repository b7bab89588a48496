// SPDX-License-Identifier: Apache-2.0
// Client of the parents measurement: each request has a trace of its own and says what the middle shall do. See README.md.
// node client.mjs URL '{"requests":N,"concurrency":C,"keepAlive":true,"seed":1,"orders":["12"],"maxWait":20,"protocol":"http1"}' prints {"answers", "errors"} as JSON.
import http from 'node:http';
import https from 'node:https';
import { multiplexed } from './multiplexed.mjs';

/** @typedef {import('../../harness/parents.mjs').Answer} Answer */
/** @typedef {Required<import('../../harness/parents.mjs').Questions>} Questions */

/** mulberry32: small, and the same on every machine. @param {number} seed @returns {() => number} in [0, 1) */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @param {() => number} random @param {number} digits */
const hex = (random, digits) => {
  let text = '';
  while (text.length < digits) text += Math.floor(random() * 16).toString(16);
  return /^0+$/.test(text) ? text.replace(/0$/, '1') : text;
};

/** @param {typeof http | typeof https} over @param {URL} url @param {http.Agent} agent @param {Record<string, string>} headers @returns {Promise<{ body: string, headers: http.IncomingHttpHeaders }>} */
const get = (over, url, agent, headers) =>
  new Promise((resolve, reject) => {
    const request = over.get(url, { agent, headers, timeout: 60_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (body += chunk));
      response.on('error', reject);
      response.on('end', () =>
        response.statusCode === 200 ? resolve({ body, headers: response.headers }) : reject(new Error(`status ${response.statusCode}: ${body.slice(0, 200)}`)),
      );
    });
    request.on('timeout', () => request.destroy(new Error('no answer in 60 s')));
    request.on('error', reject);
  });

/** What the leaves said, in whatever way the middle hands it on. @param {string} body @param {string | string[] | undefined} header */
function leavesOf(body, header) {
  const value = JSON.parse(body);
  const own = Array.isArray(value.leaves) ? value.leaves : [value];
  // A proxy answers with one leaf's body, and with the field of another one that only allowed the request.
  const others = [header].flat().flatMap((text) => (text ? [JSON.parse(text)] : []));
  return [...own, ...others];
}

/** @param {string} base @param {Questions} questions @returns {Promise<{ answers: Answer[], errors: string[] }>} */
async function ask(base, { requests, concurrency, keepAlive, seed, orders, maxWait, traceparent, protocol }) {
  const random = generator(seed);
  const questions = Array.from({ length: requests }, (_, n) => ({
    id: `${seed}-${n}`,
    trace: hex(random, 32),
    span: hex(random, 16),
    order: /** @type {string} */ (orders[Math.floor(random() * orders.length)]),
    waits: [random(), random()].map((part) => Math.floor(part * (maxWait + 1))),
  }));
  const over = base.startsWith('https:') ? https : http;
  // The middle's certificate is made for the test.
  const agent = new over.Agent({ keepAlive, maxSockets: concurrency, rejectUnauthorized: false });
  const streams = protocol === 'http1' ? undefined : multiplexed(base, concurrency, protocol);
  /** @type {Answer[]} */ const answers = [];
  /** @type {string[]} */ const errors = [];
  let next = 0;
  const worker = async () => {
    for (let question = questions[next++]; question; question = questions[next++]) {
      const { id, trace, span, order, waits } = question;
      const url = new URL(`/r?id=${id}&t1=${waits[0]}&t2=${waits[1]}&order=${order}`, base);
      try {
        const fields = traceparent ? { traceparent: `00-${trace}-${span}-01` } : {};
        const { body, headers } = await (streams ? streams.get(url, fields) : get(over, url, agent, fields));
        answers.push({ id, trace, span, order, leaves: leavesOf(body, headers['x-other-leaf']) });
      } catch (error) {
        errors.push(`${id} (${order}): ${error instanceof Error ? error.message : error}`);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, requests) }, worker));
  agent.destroy();
  streams?.close();
  return { answers, errors };
}

process.stdout.write(JSON.stringify(await ask(process.argv[2] ?? '', JSON.parse(process.argv[3] ?? '{}'))));
