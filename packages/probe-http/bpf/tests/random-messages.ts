// SPDX-License-Identifier: Apache-2.0
// Random HTTP/1 messages, with what must be seen of them.
import type { Exchange } from './http-program.js';
import type { Random } from './random.js';

function chunked(random: Random, body: string): string {
  let text = '';
  for (let at = 0; at < body.length; ) {
    const size = Math.min(body.length - at, 1 + random.below(40));
    const digits = (random.chance(3) ? '00' : '') + (random.chance(2) ? size.toString(16) : size.toString(16).toUpperCase());
    text += `${digits}${random.pick(['', '', ';a', ';a=b;c', ' ;x="y z"', ' '])}\r\n${body.slice(at, at + size)}\r\n`;
    at += size;
  }
  return `${text}0${random.pick(['', ';end', '00'])}\r\n${random.pick(['', '', 'X-A: b\r\n', 'X-A: b\r\nX-Long: 0123456789012345678901234567890\r\n'])}\r\n`;
}

export const FOLDED = 'X-Folded: a\r\n b';
const OTHER_FIELDS = [
  'Accept: */*',
  'X-Length: 5',
  'Cookie: a=b; c=d',
  'X-Content-Length: 9',
  'TE: trailers',
  FOLDED,
  'X-Empty:',
  `X-Long: ${'v'.repeat(300)}`,
];

function headers(random: Random, framing: readonly string[]): string {
  const lines = [...framing];
  for (let more = random.below(4); more > 0; more--) lines.splice(random.below(lines.length + 1), 0, random.pick(OTHER_FIELDS));
  return lines.map((line) => `${line}\r\n`).join('');
}

function framed(random: Random, bytes: number): { fields: string[]; body: string } {
  const body = random.bytes(bytes);
  return random.chance(2)
    ? { fields: [`Content-Length: ${bytes}`], body }
    : { fields: [random.pick(['Transfer-Encoding: chunked', 'transfer-encoding:chunked', 'Transfer-Encoding: gzip, chunked'])], body: chunked(random, body) };
}

export interface Message {
  readonly bytes: string;
  readonly expected: Pick<Exchange, 'line' | 'host' | 'requestBytes'> & Partial<Pick<Exchange, 'status' | 'responseBytes'>>;
}

export function request(random: Random, number: number): Message & { readonly method: string } {
  const method = random.pick(['GET', 'POST', 'PUT', 'HEAD', 'DELETE', 'PATCH', 'OPTIONS']);
  const line = `${method} /${number}${'p'.repeat(random.below(30))} HTTP/1.1`;
  const host = random.chance(4) ? '' : `h${number}.example`;
  const requestBytes = random.chance(2) ? 0 : random.below(200);
  const { fields, body } = requestBytes === 0 && random.chance(2) ? { fields: [], body: '' } : framed(random, requestBytes);
  return { method, bytes: `${line}\r\n${headers(random, [...(host ? [`Host: ${host}`] : []), ...fields])}\r\n${body}`, expected: { line, host, requestBytes } };
}

export function response(random: Random, method: string): { bytes: string; status: number; responseBytes: number } {
  const interim = random.chance(5) ? `HTTP/1.1 ${random.pick([100, 102, 103])} Wait\r\n${headers(random, [])}\r\n` : '';
  const status = random.pick([200, 200, 201, 204, 304, 404, 500]);
  const bodyless = method === 'HEAD' || status === 204 || status === 304;
  const responseBytes = random.below(300);
  const { fields, body } = framed(random, responseBytes);
  return {
    bytes: `${interim}HTTP/1.1 ${status}${random.pick([' OK', ' ', '', ' Long Reason'])}\r\n${headers(random, fields)}\r\n${bodyless ? '' : body}`,
    status,
    responseBytes: bodyless ? 0 : responseBytes,
  };
}
