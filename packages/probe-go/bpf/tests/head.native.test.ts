// SPDX-License-Identifier: Apache-2.0
// Into which bytes of net/http's buffer a traceparent may be written: a whole header block of a request that has none, and nothing else.
import { loadTestProgram, type TestProgram } from '../../../../bpf/tests/test-program.js';
import { addressOf } from './own-memory.js';

/** bufio's default size, HEAD_BYTES in write_http1.bpf.h. */
const LARGEST = 4096;
const room = Buffer.alloc(1 << 21);

let program: TestProgram;
let at: bigint;
beforeAll(() => {
  program = loadTestProgram('packages/probe-go', 'head');
  at = addressOf(room);
});
afterAll(() => program?.[Symbol.dispose]());

/** @param before bytes that stand in the room in front of the text */
function wants(text: string, before = 0): boolean {
  room.write(text, before, 'latin1');
  // What follows is not part of it.
  room.write('\r\n\r\ntraceparent:', before + text.length, 'latin1');
  const input = Buffer.alloc(16);
  input.writeBigUInt64LE(at + BigInt(before), 0);
  input.writeBigUInt64LE(BigInt(text.length), 8);
  const answer = program.run('t_head', input);
  expect(program.map('go_heads').keys()).toEqual([]);
  return answer === 1;
}

const LINE = 'GET /users/7?a=b HTTP/1.1\r\n';
const HOST = 'Host: shop.example\r\n';
/** A header block of just that many bytes. */
const block = (bytes: number) => {
  const rest = `${LINE}${HOST}X-Long: \r\n\r\n`.length;
  return `${LINE}${HOST}X-Long: ${'x'.repeat(bytes - rest)}\r\n\r\n`;
};

test.each([
  ['a request', `${LINE}${HOST}\r\n`],
  ['the shortest', 'A / HTTP/1.1\r\n\r\n'.padStart(18, 'G')],
  ['no field', `${LINE}\r\n`],
  ['a field whose name ends so', `${LINE}X-Traceparent: 1\r\n\r\n`],
  ['a field whose name begins so', `${LINE}Traceparents: 1\r\n\r\n`],
  ['the name in a value', `${LINE}Via: traceparent: 1\r\nX: \ttraceparent:\r\n\r\n`],
  ['the version in a value', `${LINE}Via: HTTP/1.1\r\n\r\n`],
  ['a target with spaces and the version in it', 'GET /a HTTP/1.1 HTTP/1.1\r\n\r\n'],
])('%s wants the field', (_, text) => {
  expect(wants(text)).toBe(true);
});

test.each([
  ['nothing', ''],
  ['a traceparent', `${LINE}${HOST}Traceparent: 00-1-2-3\r\n\r\n`],
  ['one in capitals, the last one', `${LINE}${HOST}TRACEPARENT:1\r\n\r\n`],
  ['one right behind the request line', `${LINE}traceparent:1\r\n${HOST}\r\n`],
  ['a response', `HTTP/1.1 200 OK\r\n${HOST}\r\n`],
  ['HTTP/1.0', `GET / HTTP/1.0\r\n${HOST}\r\n`],
  ['the end of a block whose beginning was sent', `-value\r\nX-Other: 1\r\n\r\n`],
  ['the end of one, with the version further on', `-value\r\nVia: HTTP/1.1\r\n\r\n`],
  ['a body before it', `some body${'.'.repeat(30)}\r\n${LINE}${HOST}\r\n`],
  ['a body behind it', `${LINE}${HOST}\r\nbody`],
  ['a body that ends as a block does', `${LINE}${HOST}\r\nbody\r\n\r\n`],
  ['a body that is a block', `${LINE}${HOST}\r\n${LINE}${HOST}\r\n`],
  ['a block without its end', `${LINE}${HOST}`],
  ['line feeds alone', `${LINE.replace('\r', '')}Host: x\n\n`],
])('%s does not', (_, text) => {
  expect(wants(text)).toBe(false);
});

test('every length, wherever it begins', () => {
  const lengths = [...Array.from({ length: 140 }, (_, n) => 70 + n), LARGEST - 1, LARGEST];
  const told = lengths.map((bytes, n) => wants(block(bytes), n * 31));
  expect(told).toEqual(lengths.map(() => true));
  expect(wants(block(LARGEST + 1))).toBe(false);
});

test('a traceparent at every place', () => {
  const places = Array.from({ length: 100 }, (_, n) => `${LINE}X: ${'x'.repeat(n)}\r\ntraceParent: 1\r\nY: 1\r\n\r\n`);
  expect(places.map((text) => wants(text))).toEqual(places.map(() => false));
});

test('bytes that cannot be read', () => {
  const input = Buffer.alloc(16);
  input.writeBigUInt64LE(4096n, 0);
  input.writeBigUInt64LE(100n, 8);
  expect(program.run('t_head', input)).toBe(0);
});
