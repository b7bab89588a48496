// SPDX-License-Identifier: Apache-2.0
import { loadConfig } from '@obi/core';
import { KNOWN_METHODS, RequestLine } from '../src/request-line.js';

const LEAD = 5;

/** The parts as strings, read at an offset so that one that forgets it is found out. */
function parts(text: string, length = Buffer.byteLength(text)) {
  const bytes = Buffer.concat([Buffer.alloc(LEAD, 'x'), Buffer.from(text)]);
  const line = new RequestLine();
  line.read(bytes, LEAD, LEAD + length);
  const slice = (start: number, end: number) => bytes.toString('utf8', start, end);
  return {
    method: line.method,
    form: line.form,
    target: slice(line.targetStart, line.targetEnd),
    authority: slice(line.authorityStart, line.authorityEnd),
    path: slice(line.pathStart, line.pathEnd),
    query: line.hasQuery ? slice(line.queryStart, line.targetEnd) : undefined,
  };
}

test.each([
  ['GET / HTTP/1.1', { method: 'GET', form: 'origin', target: '/', authority: '', path: '/', query: undefined }],
  ['GET /a?b=c HTTP/1.1', { method: 'GET', form: 'origin', target: '/a?b=c', authority: '', path: '/a', query: 'b=c' }],
  ['GET /a?b?c=/d HTTP/1.1', { method: 'GET', form: 'origin', path: '/a', query: 'b?c=/d' }],
  ['GET //h/a HTTP/1.1', { form: 'origin', path: '//h/a', authority: '' }],
  ['GET /http://h/a HTTP/1.1', { form: 'origin', path: '/http://h/a', authority: '' }],
  ['GET http://h:1/a?b HTTP/1.1', { form: 'absolute', authority: 'h:1', path: '/a', query: 'b' }],
  ['GET http://h HTTP/1.1', { form: 'absolute', authority: 'h', path: '', query: undefined }],
  ['GET http://h?b HTTP/1.1', { form: 'absolute', authority: 'h', path: '', query: 'b' }],
  ['GET http:// HTTP/1.1', { form: 'absolute', authority: '', path: '' }],
  ['GET ://h/a HTTP/1.1', { form: 'origin', authority: '' }],
  ['CONNECT h:443 HTTP/1.1', { method: 'CONNECT', form: 'authority', authority: 'h:443', path: '', query: undefined }],
  ['OPTIONS * HTTP/1.1', { method: 'OPTIONS', form: 'asterisk', authority: '', path: '*', query: undefined }],
  ['get / HTTP/1.1', { method: undefined, path: '/' }],
  ['GET', { method: 'GET', target: '', path: '', query: undefined }],
  ['GET ', { method: 'GET', target: '', path: '' }],
  ['', { method: undefined, target: '', path: '' }],
])('%j', (text, expected) => {
  expect(parts(text)).toMatchObject(expected);
});

test.each([
  ['in the method', 'DELETE /a HTTP/1.1', 3, { method: undefined, target: '' }],
  ['in the path', 'GET /abc HTTP/1.1', 6, { method: 'GET', path: '/a' }],
  ['in the query', 'GET /a?bcd=e HTTP/1.1', 9, { path: '/a', query: 'bc' }],
  ['behind the question mark', 'GET /a?bcd=e HTTP/1.1', 7, { path: '/a', query: '' }],
  ['in the authority', 'GET http://host/a HTTP/1.1', 13, { form: 'absolute', authority: 'ho', path: '' }],
])('a line that was cut %s', (_where, text, length, expected) => {
  expect(parts(text, length)).toMatchObject(expected);
});

test('what is left of one line does not reach into the next', () => {
  const line = new RequestLine();
  const read = (text: string) => line.read(Buffer.from(text), 0, text.length);
  read('GET http://host/path?query HTTP/1.1');
  read('GET / HTTP/1.1');
  expect(line).toMatchObject({
    method: 'GET',
    form: 'origin',
    targetStart: 4,
    targetEnd: 5,
    authorityStart: 4,
    authorityEnd: 4,
    pathStart: 4,
    pathEnd: 5,
    hasQuery: false,
  });
});

describe('known methods', () => {
  const methodOf = (text: string, known?: readonly string[]) => {
    const line = new RequestLine(known);
    const bytes = Buffer.from(text);
    line.read(bytes, 0, bytes.length);
    return [line.method, line.form];
  };

  test('are those of the configuration, with case, instead of the default', () => {
    const known = ['GET', 'propfind', 'REPORT'];
    expect(methodOf('propfind / HTTP/1.1', known)).toEqual(['propfind', 'origin']);
    expect(methodOf('REPORT / HTTP/1.1', known)).toEqual(['REPORT', 'origin']);
    expect(methodOf('PROPFIND / HTTP/1.1', known)).toEqual([undefined, 'origin']);
    expect(methodOf('POST / HTTP/1.1', known)).toEqual([undefined, 'origin']);
  });

  test('a CONNECT that is not among them still has an authority as target', () => {
    expect(methodOf('CONNECT h:443 HTTP/1.1', ['GET'])).toEqual([undefined, 'authority']);
  });

  test('the default is the same here and in the configuration', () => {
    expect(loadConfig({ env: {} }).config.attributes.http_known_methods).toEqual(KNOWN_METHODS);
  });
});
