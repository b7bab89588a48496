// SPDX-License-Identifier: Apache-2.0
// HTTP/2 and gRPC for the clients of tests: many requests at a time on one connection.
import http2 from 'node:http2';

/** Streams of one connection at a time, so that there are several of both. */
const STREAMS = 20;
/** Length-prefixed message (gRPC over HTTP2): not compressed, then its length in four bytes. */
const PREFIX = 5;

/** @typedef {{ body: string, headers: Record<string, never> }} Reply */
/** @typedef {(url: URL, headers: Record<string, string>) => Promise<Reply>} Get */

/** Sends one request. @param {http2.ClientHttp2Session} session @param {http2.OutgoingHttpHeaders} headers @param {Buffer} [content] */
function exchange(session, headers, content) {
  return /** @type {Promise<{ body: Buffer, fields: http2.IncomingHttpHeaders }>} */ (
    new Promise((resolve, reject) => {
      session.on('error', reject);
      const request = session.request(headers, { endStream: content === undefined });
      /** @type {Buffer[]} */ const chunks = [];
      /** @type {http2.IncomingHttpHeaders} */ const fields = {};
      request.on('response', (response) => Object.assign(fields, response));
      request.on('trailers', (trailers) => Object.assign(fields, trailers));
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('error', reject);
      request.setTimeout(60_000, () => request.destroy(new Error('no answer in 60 s')));
      request.on('close', () => {
        session.off('error', reject);
        resolve({ body: Buffer.concat(chunks), fields });
      });
      if (content) request.end(content);
    })
  );
}

/** google.protobuf.StringValue, as a message of gRPC. @param {string} text */
export function toMessage(text) {
  const value = Buffer.from(text);
  const length = [];
  for (let rest = value.length; ; rest >>>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  const field = Buffer.concat([Buffer.from([0x0a, ...length]), value]);
  const prefix = Buffer.alloc(PREFIX);
  prefix.writeUInt32BE(field.length, 1);
  return Buffer.concat([prefix, field]);
}

/** @param {Buffer} body */
function fromMessage(body) {
  let at = PREFIX + 1;
  while ((body[at] ?? 0) > 127) at++;
  return body.toString('utf8', at + 1);
}

/**
 * Calls a method of tests/workloads/parents/go-grpc. @param {http2.ClientHttp2Session} session @param {string} name @param {string} text @param {Record<string, string>} [headers]
 * @returns {Promise<{ code: string | undefined, text: string }>} code: undefined when the call broke off
 */
export async function callGrpc(session, name, text, headers = {}) {
  const fixed = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' };
  const { body, fields } = await exchange(session, { ...fixed, ...headers, ':path': `/parents.Middle/${name}` }, toMessage(text));
  const code = fields['grpc-status'];
  return { code: code === undefined ? undefined : String(code), text: body.length > PREFIX ? fromMessage(body) : '' };
}

/** The certificates of tests sign themselves. @param {string} base */
export const connect = (base) => http2.connect(base, { rejectUnauthorized: false });

/** @param {string} base @param {number} concurrency @param {'http2' | 'grpc'} protocol @returns {{ get: Get, close: () => void }} */
export function multiplexed(base, concurrency, protocol) {
  const sessions = Array.from({ length: Math.ceil(concurrency / STREAMS) }, () => connect(base));
  let next = 0;
  /** @type {Get} */
  const get = async (url, headers) => {
    const session = /** @type {http2.ClientHttp2Session} */ (sessions[next++ % sessions.length]);
    if (protocol === 'grpc') {
      const { code, text } = await callGrpc(session, 'Ask', url.search.slice(1), headers);
      if (code !== '0') throw new Error(`grpc-status ${code}`);
      return { body: text, headers: {} };
    }
    const { body, fields } = await exchange(session, { ...headers, ':path': `${url.pathname}${url.search}` });
    if (fields[':status'] !== 200) throw new Error(`status ${fields[':status']}: ${body.toString('utf8', 0, 200)}`);
    return { body: body.toString(), headers: {} };
  };
  return { get, close: () => sessions.forEach((session) => session.close()) };
}
