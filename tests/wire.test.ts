// SPDX-License-Identifier: Apache-2.0
// The judge of the differential tests must itself notice every kind of harm, and allow nothing but one line at its place.
import { difference } from './live/support/wire.mjs';

const line = (span = '2') => `traceparent: 00-${'1'.repeat(32)}-${span.repeat(16)}-01\r\n`;
const get = (inserted = '', own = '') => `GET / HTTP/1.1\r\nHost: x\r\n${own}${inserted}\r\n`;
const post = (body: string, inserted = '') => `POST / HTTP/1.1\r\nContent-Length: ${body.length}\r\n${inserted}\r\n${body}`;
const judge = (sent: string, received: string) => difference(Buffer.from(sent), Buffer.from(received));

test('the same, or with one line at the end of a header block, is no harm', () => {
  expect(judge(get() + post(get()) + get(), get() + post(get()) + get())).toEqual({ requests: 3, inserted: 0 });
  expect(judge(get() + post(get()) + get(), get(line('2')) + post(get(), line('3')) + get(line('4')))).toEqual({ requests: 3, inserted: 3 });
  const chunked = (inserted = '') => `PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n${inserted}\r\n5;a=b\r\nhello\r\n0\r\nX: 1\r\n\r\n`;
  expect(judge(chunked() + get(), chunked(line('2')) + get(line('3')))).toEqual({ requests: 2, inserted: 2 });
  expect(judge('GET / HTTP/1.1\n\n', `GET / HTTP/1.1\n${line()}\n`)).toEqual({ requests: 1, inserted: 1 });
});

test.each([
  ['a line twice', get(), get(line('2') + line('3'))],
  ['beside one of the application’s own', get('', 'TraceParent: x\r\n'), get(line(), 'TraceParent: x\r\n')],
  ['at another place', get(), `GET / HTTP/1.1\r\n${line()}Host: x\r\n\r\n`],
  ['in a body', post(get()), `${post(get()).slice(0, -2)}${line()}\r\n`],
  ['the same span id twice', get() + get(), get(line()) + get(line())],
  ['an invalid trace id', get(), get(line().replace(/1{32}/, '0'.repeat(32)))],
  ['a byte less', post('hello'), post('hello').slice(0, -1)],
  ['a byte more', post('hello'), `${post('hello')}!`],
  ['a byte changed', post('hello'), post('hello').replace('hello', 'hallo')],
  ['requests in another order', get() + post('a'), post('a') + get()],
  [
    'after a conflict of lengths',
    `POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n${get()}`,
    `POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n${get(line())}`,
  ],
  ['in a tunnel', `CONNECT y:1 HTTP/1.1\r\n\r\n${get()}`, `CONNECT y:1 HTTP/1.1\r\n\r\n${get(line())}`],
  ['in what is not HTTP', 'GET x\r\n\r\n', `GET x\r\n${line()}\r\n`],
])('%s is noticed', (_what, sent, received) => {
  expect(judge(sent, received).error).toEqual(expect.any(String));
});
