// SPDX-License-Identifier: Apache-2.0
// Client of nginx: requests in flight together, each with an id, some slow, some pipelined, some with bodies in parts. See README.md.
// node client.mjs URL '{"requests":N,"concurrency":C,"seed":1,"cases":["kept"],"ways":["get"],"traceparent":true}' prints {"sent", "errors"} as JSON.
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** @typedef {{ id: string, trace: string, span: string, order: string }} Sent order: case and way, for messages of failures */

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

const [base = '', options = '{}'] = process.argv.slice(2);
const { requests, concurrency, seed, cases, ways, traceparent } = JSON.parse(options);
const random = generator(seed);
const below = (/** @type {number} */ n) => Math.floor(random() * n);
const hex = (/** @type {number} */ digits) => Array.from({ length: digits }, (_, n) => (n === 0 ? 1 + below(15) : below(16)).toString(16)).join('');
const { hostname, port } = new URL(base);

/** @type {Sent[]} */ const sent = [];
/** @type {string[]} */ const errors = [];
let number = 0;

/** Bytes of the next request. @param {string} way @param {boolean} last on its connection */
function next(way, last) {
  const name = cases[below(cases.length)];
  const one = { id: `${seed}-${number++}`, trace: hex(32), span: hex(16), order: `${name} ${way}` };
  sent.push(one);
  const body = way.startsWith('post') ? 'b'.repeat(1 + below(way === 'post-large' ? 40_000 : 3000)) : undefined;
  const head = [
    `${body === undefined ? 'GET' : 'POST'} /${name}/r?id=${one.id}&key=${below(20)} HTTP/1.1`,
    'Host: nginx',
    ...(traceparent ? [`traceparent: 00-${one.trace}-${one.span}-01`] : []),
    ...(body === undefined ? [] : [`Content-Length: ${body.length}`]),
    ...(last ? ['Connection: close'] : []),
  ];
  return { head: `${head.join('\r\n')}\r\n\r\n`, body: body ?? '' };
}

/** The pieces in which a request leaves; null is a pause. @param {string} way @returns {(string | null)[]} */
function pieces(way) {
  switch (way) {
    case 'pipelined':
      return [Array.from({ length: 3 }, (_, n) => next(way, n === 2).head).join('')];
    case 'ahead':
      // The second comes while the first is being served.
      return [next(way, false).head, null, next(way, true).head];
    case 'slow': {
      const { head } = next(way, true);
      const cut = 1 + below(head.length - 1);
      return [head.slice(0, cut), null, head.slice(cut)];
    }
    case 'post-parts':
    case 'post-large': {
      const { head, body } = next(way, true);
      const cut = below(body.length);
      return [head, null, body.slice(0, cut), null, body.slice(cut)];
    }
    case 'post': {
      const { head, body } = next(way, true);
      return [head + body];
    }
    default:
      return [next(way, true).head];
  }
}

/** Ways in which nginx may be sent what it does not read any more. */
const TOO_EARLY = /pipelined|ahead/;

/** @param {(string | null)[]} parts @param {string} way @returns {Promise<string>} all that came back */
async function exchange(parts, way) {
  const socket = net.connect({ host: hostname, port: Number(port), noDelay: true });
  let text = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk) => (text += chunk));
  const end = new Promise((resolve, reject) => {
    socket.on('close', resolve);
    // After an error that it has caught, nginx closes: what comes then it resets, and what it answered before counts.
    socket.on('error', (/** @type {NodeJS.ErrnoException} */ error) =>
      error.code === 'ECONNRESET' && TOO_EARLY.test(way) ? resolve(undefined) : reject(error),
    );
    socket.setTimeout(60_000, () => reject(new Error('no answer in 60 s')));
  });
  end.catch(() => {});
  for (const part of parts) {
    if (part === null) await delay(1 + below(8));
    else if (part) await new Promise((resolve) => socket.write(part, 'latin1', resolve));
  }
  await end;
  return text;
}

/** Kept connections with one request after the other. */
async function kept() {
  const socket = net.connect({ host: hostname, port: Number(port), noDelay: true });
  socket.setEncoding('latin1');
  for (let n = 0; n < 8 && sent.length < requests; n++) {
    const { head } = next('kept', n === 7);
    let text = '';
    await new Promise((resolve, reject) => {
      const done = (/** @type {string} */ chunk) => {
        text += chunk;
        // Answers to these are chunked, or say their length.
        const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1];
        const at = text.indexOf('\r\n\r\n') + 4;
        if (at < 4 || (length === undefined ? !text.endsWith('\r\n0\r\n\r\n') : text.length < at + Number(length))) return;
        socket.off('data', done);
        resolve(undefined);
      };
      socket.on('data', done).once('error', reject).once('close', resolve).write(head, 'latin1');
    });
    check(text, 1, 'kept');
    if (/\r\nconnection: close\r\n/i.test(text)) break;
  }
  socket.destroy();
}

/** @param {string} text @param {number} count @param {string} way */
function check(text, count, way) {
  const found = text.match(/^HTTP\/1\.[01] \d{3} /gm)?.length ?? 0;
  // After an error that it has caught, nginx closes: what was pipelined behind it is lost.
  if (found < 1 || found > count || (found < count && !TOO_EARLY.test(way)))
    errors.push(`${way}: ${found} answers, not ${count}: ${JSON.stringify(text.slice(0, 60))}`);
}

async function worker() {
  while (sent.length < requests) {
    const way = ways[below(ways.length)];
    try {
      if (way === 'kept') await kept();
      else {
        const before = sent.length;
        const parts = pieces(way);
        const count = sent.length - before;
        check(await exchange(parts, way), count, way);
      }
    } catch (error) {
      errors.push(`${way}: ${error instanceof Error ? error.message : error}`);
    }
  }
}
await Promise.all(Array.from({ length: concurrency }, worker));
process.stdout.write(JSON.stringify({ sent, errors }));
