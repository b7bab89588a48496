// SPDX-License-Identifier: Apache-2.0
import { SpanKind, StatusCode } from '@obi/core';
import { HttpExchangeFlag, HttpVersion } from '../src/generated/http.events.js';
import { exchange, WHOLE } from './support/exchange.js';
import { serverSpan, spansOf } from './support/spans.js';

test('a whole exchange becomes a server span with every attribute', () => {
  const span = serverSpan({
    line: 'POST /orders?page=2 HTTP/1.1',
    host: 'shop.example:8080',
    status: 201,
    requestBytes: 17n,
    responseBytes: 4096n,
    parentId: '00f067aa0ba902b7',
    startNs: 5_000_000_001n,
    endNs: 5_000_700_002n,
  });
  expect(span).toEqual({
    pid: 4711,
    name: 'POST',
    kind: SpanKind.SERVER,
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    parentSpanId: '00f067aa0ba902b7',
    flags: 1,
    startNs: 5_000_000_001n,
    endNs: 5_000_700_002n,
    attributes: {
      'http.request.method': 'POST',
      'url.scheme': 'http',
      'url.path': '/orders',
      'url.query': 'page=2',
      'server.address': 'shop.example',
      'server.port': 8080,
      'client.address': '10.0.0.2',
      'client.port': 40123,
      'network.peer.address': '10.0.0.2',
      'network.peer.port': 40123,
      'network.protocol.version': '1.1',
      'http.request.body.size': 17,
      'http.response.status_code': 201,
      'http.response.body.size': 4096,
    },
  });
});

test('a span without parent is a root span', () => {
  expect(serverSpan()).not.toHaveProperty('parentSpanId');
});

test('a process that is not traced gets no span', () => {
  const records = [exchange({ tgid: 1 }), exchange({ tgid: 2 }), exchange({ tgid: 1 })];
  expect(spansOf(records, {}, { accepts: (pid) => pid === 2 }).map(({ pid }) => pid)).toEqual([2]);
});

describe('routes', () => {
  const routes = { 'routes.patterns': ['/users/:id'], 'routes.ignored_patterns': ['/healthz'] };

  test('a known one is an attribute and part of the name', () => {
    const span = serverSpan({ line: 'GET /users/42?x=1 HTTP/1.1' }, routes);
    expect(span.name).toBe('GET /users/:id');
    expect(span.attributes).toMatchObject({ 'http.route': '/users/:id', 'url.path': '/users/42' });
  });

  test('also of an absolute target', () => {
    expect(serverSpan({ line: 'GET http://shop.example/users/42 HTTP/1.1' }, routes).name).toBe('GET /users/:id');
  });

  test('without one the name is the method', () => {
    const span = serverSpan({ line: 'GET /other HTTP/1.1' }, routes);
    expect(span.name).toBe('GET');
    expect(span.attributes).not.toHaveProperty('http.route');
  });

  test.each([
    ['/users/{id}', 'GET /users/42?x=1 HTTP/1.1', '/users/{id}'],
    ['GET /users/{id}', 'GET /users/42 HTTP/1.1', '/users/{id}'],
    ['GET shop.example/users/{id}', 'GET http://shop.example/users/42 HTTP/1.1', '/users/{id}'],
    ['/files/*path', 'GET /files/a/b HTTP/1.1', '/files/*path'],
    ['/', 'GET /anything HTTP/1.1', '/'],
    ['/straße/:id', 'GET /stra\u00dfe/1 HTTP/1.1', '/straße/:id'],
  ])('what the program’s router told: %s', (route, line, expected) => {
    const span = serverSpan({ line, route });
    expect([span.name, span.attributes['http.route']]).toEqual([`GET ${expected}`, expected]);
  });

  test.each([
    ['a part of the path was taken off in front of it', '/users/{id}', 'GET /api/users/42 HTTP/1.1'],
    ['the path has escapes', '/a b/{id}', 'GET /a%20b/42 HTTP/1.1'],
    ['it is longer than the path', '/users/all', 'GET /users HTTP/1.1'],
    ['it has no path', 'shop.example', 'GET / HTTP/1.1'],
  ])('what cannot be the whole route is none: %s', (_, route, line) => {
    expect(serverSpan({ line, route }).attributes).not.toHaveProperty('http.route');
  });

  test('a record that ends before its route', () => {
    const record = exchange({ line: 'GET /users/42 HTTP/1.1', route: '/users/{id}' });
    expect(spansOf([record.subarray(0, -1)])[0]?.name).toBe('GET');
  });

  test('the router wins over a guess, the configuration’s patterns over the router', () => {
    const told = { line: 'GET /users/42 HTTP/1.1', route: '/users/{user}' };
    expect(serverSpan(told, { 'routes.unmatched': 'heuristic' }).name).toBe('GET /users/{user}');
    expect(serverSpan({ ...told, route: '' }, { 'routes.unmatched': 'heuristic' }).name).toBe('GET /users/*');
    expect(serverSpan(told, routes).name).toBe('GET /users/:id');
    expect(spansOf([exchange({ line: 'GET /healthz HTTP/1.1', route: '/healthz' })], routes)).toEqual([]);
  });

  test('an ignored one makes no span', () => {
    expect(spansOf([exchange({ line: 'GET /healthz HTTP/1.1' })], routes)).toEqual([]);
  });
});

describe('methods', () => {
  test.each(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', 'QUERY'])('%s is known', (method) => {
    const span = serverSpan({ line: `${method} / HTTP/1.1` });
    expect(span.name).toBe(method);
    expect(span.attributes['http.request.method']).toBe(method);
    expect(span.attributes).not.toHaveProperty('http.request.method_original');
  });

  test.each(['PROPFIND', 'get', 'GETX', 'GE'])('%s is not', (method) => {
    const span = serverSpan({ line: `${method} /users/1 HTTP/1.1` }, { 'routes.patterns': ['/users/:id'] });
    expect(span.name).toBe('HTTP /users/:id');
    expect(span.attributes).toMatchObject({ 'http.request.method': '_OTHER', 'http.request.method_original': method });
    expect(serverSpan({ line: `${method} / HTTP/1.1` }).name).toBe('HTTP');
  });
});

describe('status', () => {
  test.each([100, 101, 200, 204, 301, 304, 400, 404, 499])('%d leaves the span status unset', (status) => {
    const span = serverSpan({ status });
    expect(span).not.toHaveProperty('status');
    expect(span.attributes['http.response.status_code']).toBe(status);
    expect(span.attributes).not.toHaveProperty('error.type');
  });

  test.each([500, 503, 599])('%d is an error', (status) => {
    const span = serverSpan({ status });
    expect(span.status).toEqual({ code: StatusCode.ERROR });
    expect(span.attributes['error.type']).toBe(String(status));
  });

  test('no response: an error, and neither status nor sizes that nobody knows', () => {
    const span = serverSpan({ status: 0, flags: HttpExchangeFlag.REQUEST_SEEN | HttpExchangeFlag.INCOMPLETE });
    expect(span.status).toEqual({ code: StatusCode.ERROR });
    expect(span.attributes['error.type']).toBe('no_response');
    for (const unknown of ['http.response.status_code', 'http.request.body.size', 'http.response.body.size'])
      expect(span.attributes).not.toHaveProperty([unknown]);
  });

  test('half a response: an error, with its status but no size', () => {
    const flags = (WHOLE & ~HttpExchangeFlag.RESPONSE_DONE) | HttpExchangeFlag.INCOMPLETE;
    const span = serverSpan({ status: 200, flags, requestBytes: 3n });
    expect(span.status).toEqual({ code: StatusCode.ERROR });
    expect(span.attributes).toMatchObject({ 'error.type': 'incomplete_response', 'http.response.status_code': 200, 'http.request.body.size': 3 });
    expect(span.attributes).not.toHaveProperty(['http.response.body.size']);
  });
});

describe('sizes', () => {
  test('are exact up to the largest exact number', () => {
    const span = serverSpan({ requestBytes: 2n ** 53n - 1n, responseBytes: 2n ** 32n + 1n });
    expect(span.attributes).toMatchObject({ 'http.request.body.size': Number.MAX_SAFE_INTEGER, 'http.response.body.size': 2 ** 32 + 1 });
  });

  test.each([2n ** 53n, 2n ** 63n, 2n ** 64n - 1n])('%d is left out: a wrong size is worse than none', (bytes) => {
    const { attributes } = serverSpan({ requestBytes: bytes, responseBytes: bytes });
    expect(attributes).not.toHaveProperty(['http.request.body.size']);
    expect(attributes).not.toHaveProperty(['http.response.body.size']);
  });
});

test('HTTP/1.0 without a Host field is told by its own address', () => {
  expect(serverSpan({ line: 'GET / HTTP/1.0', version: HttpVersion['1_0'] }).attributes).toMatchObject({
    'network.protocol.version': '1.0',
    'server.address': '10.0.0.1',
    'server.port': 8080,
  });
});

test('IPv6 peers', () => {
  const span = serverSpan({ local: '20010db8000000000000000000000001', remote: '20010db800000000000100000000000a' });
  expect(span.attributes).toMatchObject({
    'server.address': '2001:db8::1',
    'client.address': '2001:db8::1:0:0:a',
    'network.peer.address': '2001:db8::1:0:0:a',
  });
});

describe('request targets', () => {
  test.each<[string, string, Record<string, unknown>]>([
    [
      'absolute: path and host of the target',
      'GET http://shop.example:81/a?b=c HTTP/1.1',
      { 'url.path': '/a', 'url.query': 'b=c', 'server.address': 'shop.example', 'server.port': 81 },
    ],
    ['absolute, without a path', 'GET http://shop.example HTTP/1.1', { 'url.path': '/', 'server.address': 'shop.example', 'server.port': 80 }],
    ['absolute, https', 'GET HTTPS://shop.example/x HTTP/1.1', { 'url.scheme': 'HTTPS', 'url.path': '/x', 'server.port': 443 }],
    ['absolute, with a user', 'GET http://me:pw@shop.example/x HTTP/1.1', { 'url.path': '/x', 'server.address': 'shop.example' }],
    ['authority', 'CONNECT db.example:5432 HTTP/1.1', { 'url.path': '', 'server.address': 'db.example', 'server.port': 5432 }],
    ['asterisk', 'OPTIONS * HTTP/1.1', { 'url.path': '*', 'server.address': 'field.example' }],
    ['an empty query', 'GET /a? HTTP/1.1', { 'url.path': '/a', 'url.query': '' }],
    ['UTF-8', 'GET /käse?käse=ü HTTP/1.1', { 'url.path': '/käse', 'url.query': 'käse=ü' }],
  ])('%s', (_what, line, expected) => {
    const { attributes } = serverSpan({ line, host: 'field.example:8080' });
    expect(attributes).toMatchObject(expected);
    expect(JSON.stringify(attributes)).not.toContain('pw');
  });

  test('over TLS', () => {
    const flags = WHOLE | HttpExchangeFlag.ENCRYPTED;
    expect(serverSpan({ line: 'GET /a HTTP/1.1', host: 'shop.example', flags }).attributes).toMatchObject({ 'url.scheme': 'https', 'server.port': 443 });
    expect(serverSpan({ line: 'GET http://shop.example/a HTTP/1.1', flags }).attributes).toMatchObject({ 'url.scheme': 'http', 'server.port': 80 });
  });

  test('no query, no attribute', () => {
    expect(serverSpan({ line: 'GET /a HTTP/1.1' }).attributes).not.toHaveProperty(['url.query']);
  });
});

describe('lines longer than what is kept', () => {
  test('cut in the path', () => {
    const { attributes } = serverSpan({ line: `GET /${'a'.repeat(600)} HTTP/1.1` });
    expect(attributes['url.path']).toBe(`/${'a'.repeat(512 - 5)}`);
    expect(attributes).not.toHaveProperty(['url.query']);
  });

  test('cut in a query, where what was secret stays so', () => {
    const { attributes } = serverSpan({ line: `GET /?sig=${'s'.repeat(600)} HTTP/1.1` });
    expect(attributes['url.query']).toBe('sig=REDACTED');
  });

  test('of 64 KiB and more', () => {
    expect(serverSpan({ line: `GET /${'a'.repeat(70_000)} HTTP/1.1` }).attributes['url.path']).toHaveLength(512 - 4);
  });
});

test('methods that are known are those of OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS', () => {
  const settings = { 'attributes.http_known_methods': ['PROPFIND'] };
  const known = serverSpan({ line: 'PROPFIND /dav HTTP/1.1' }, settings);
  expect(known).toMatchObject({ name: 'PROPFIND', attributes: { 'http.request.method': 'PROPFIND' } });
  expect(known.attributes).not.toHaveProperty(['http.request.method_original']);
  const other = serverSpan({ line: 'GET /dav HTTP/1.1' }, settings);
  expect(other).toMatchObject({ name: 'HTTP', attributes: { 'http.request.method': '_OTHER', 'http.request.method_original': 'GET' } });
});
