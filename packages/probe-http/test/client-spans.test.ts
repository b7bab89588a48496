// SPDX-License-Identifier: Apache-2.0
import { SpanKind, StatusCode } from '@obi/core';
import { HttpExchangeFlag } from '../src/generated/http.events.js';
import { WHOLE } from './support/exchange.js';
import { clientSpan } from './support/spans.js';

test('a whole exchange becomes a client span with every attribute', () => {
  const span = clientSpan({ line: 'PUT /orders/1?dry=1 HTTP/1.1', host: 'shop.example:8080', status: 204, requestBytes: 9n, parentId: '00f067aa0ba902b7' });
  expect(span).toEqual({
    pid: 4711,
    name: 'PUT',
    kind: SpanKind.CLIENT,
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    parentSpanId: '00f067aa0ba902b7',
    flags: 1,
    startNs: 1_000n,
    endNs: 2_000n,
    attributes: {
      'http.request.method': 'PUT',
      'url.full': 'http://shop.example:8080/orders/1?dry=1',
      'server.address': 'shop.example',
      'server.port': 8080,
      'network.peer.address': '10.0.0.2',
      'network.peer.port': 8080,
      'network.protocol.version': '1.1',
      'http.request.body.size': 9,
      'http.response.status_code': 204,
      'http.response.body.size': 0,
    },
  });
});

test('routes are a matter of servers', () => {
  const span = clientSpan({ line: 'GET /users/1 HTTP/1.1', host: 'h' }, { 'routes.patterns': ['/users/:id'], 'routes.ignored_patterns': ['/users/1'] });
  expect(span.name).toBe('GET');
  expect(span.attributes).not.toHaveProperty(['http.route']);
});

test('a method that is not known', () => {
  const span = clientSpan({ line: 'PURGE /x HTTP/1.1', host: 'h' });
  expect(span.name).toBe('HTTP');
  expect(span.attributes).toMatchObject({ 'http.request.method': '_OTHER', 'http.request.method_original': 'PURGE' });
});

describe('status', () => {
  test.each([200, 302, 399])('%d leaves the span status unset', (status) => {
    expect(clientSpan({ status })).not.toHaveProperty('status');
  });

  test.each([400, 404, 500])('%d is an error', (status) => {
    const span = clientSpan({ status });
    expect(span.status).toEqual({ code: StatusCode.ERROR });
    expect(span.attributes['error.type']).toBe(String(status));
  });

  test('no response', () => {
    const span = clientSpan({ status: 0, flags: HttpExchangeFlag.REQUEST_SEEN | HttpExchangeFlag.INCOMPLETE });
    expect(span.status).toEqual({ code: StatusCode.ERROR });
    expect(span.attributes['error.type']).toBe('no_response');
  });
});

describe('url.full, server.address and server.port', () => {
  test.each<[string, string, string, string, string, number]>([
    ['path', 'GET /a HTTP/1.1', 'h.example', 'http://h.example/a', 'h.example', 80],
    ['path, Host with a port', 'GET /a?b=c HTTP/1.1', 'h.example:9000', 'http://h.example:9000/a?b=c', 'h.example', 9000],
    ['path, Host with an empty port', 'GET /a HTTP/1.1', 'h.example:', 'http://h.example:/a', 'h.example', 80],
    ['path, Host with a port that is none', 'GET /a HTTP/1.1', 'h.example:99999', 'http://h.example:99999/a', 'h.example', 80],
    ['path, IPv6 host', 'GET /a HTTP/1.1', '[::1]:9000', 'http://[::1]:9000/a', '::1', 9000],
    ['path, IPv6 host without port', 'GET /a HTTP/1.1', '[2001:db8::1]', 'http://[2001:db8::1]/a', '2001:db8::1', 80],
    ['path, no Host', 'GET /a?b=c HTTP/1.0', '', 'http://10.0.0.2:8080/a?b=c', '10.0.0.2', 8080],
    ['path, Host with a user', 'GET /a HTTP/1.1', 'me:pw@h.example:81', 'http://h.example:81/a', 'h.example', 81],
    ['path, Host that was cut, perhaps', 'GET /a HTTP/1.1', 'h'.repeat(120), 'http://10.0.0.2:8080/a', '10.0.0.2', 8080],
    ['absolute', 'GET http://o.example:81/a HTTP/1.1', 'proxy.example:3128', 'http://o.example:81/a', 'o.example', 81],
    ['absolute, https', 'GET https://o.example/a?b=c HTTP/1.1', 'o.example', 'https://o.example/a?b=c', 'o.example', 443],
    ['absolute, IPv6', 'GET http://[::1]/ HTTP/1.1', '[::1]', 'http://[::1]/', '::1', 80],
    ['absolute, without a path', 'GET http://o.example?b=c HTTP/1.1', '', 'http://o.example?b=c', 'o.example', 80],
    ['absolute, without a host', 'GET http:///a HTTP/1.1', 'h.example', 'http:///a', 'h.example', 80],
    ['absolute, with a user', 'GET http://me:pw@o.example:81/a HTTP/1.1', '', 'http://REDACTED:REDACTED@o.example:81/a', 'o.example', 81],
    [
      'absolute, with a user and a query',
      'GET http://me@o.example/a?sig=pw HTTP/1.1',
      '',
      'http://REDACTED:REDACTED@o.example/a?sig=REDACTED',
      'o.example',
      80,
    ],
    ['authority', 'CONNECT o.example:443 HTTP/1.1', 'o.example:443', 'http://o.example:443', 'o.example', 443],
    ['asterisk', 'OPTIONS * HTTP/1.1', 'h.example', 'http://h.example', 'h.example', 80],
    ['asterisk, no Host', 'OPTIONS * HTTP/1.0', '', 'http://10.0.0.2:8080', '10.0.0.2', 8080],
    ['a URL as a query value', 'GET /go?to=http://o.example/ HTTP/1.1', 'h.example', 'http://h.example/go?to=http://o.example/', 'h.example', 80],
    ['neither of these forms', 'GET a HTTP/1.1', 'h.example', 'http://h.example/a', 'h.example', 80],
    ['UTF-8 as it came', 'GET /käse?q=ü HTTP/1.1', 'h.example', 'http://h.example/käse?q=ü', 'h.example', 80],
  ])('%s', (_what, line, host, url, address, port) => {
    const { attributes } = clientSpan({ line, host });
    expect(attributes).toMatchObject({ 'url.full': url, 'server.address': address, 'server.port': port });
    expect(JSON.stringify(attributes)).not.toContain('pw');
    for (const ofServers of ['url.path', 'url.query', 'url.scheme', 'client.address', 'client.port']) expect(attributes).not.toHaveProperty([ofServers]);
  });

  test('an IPv6 peer stands for a missing Host, in brackets', () => {
    const { attributes } = clientSpan({ line: 'GET /a HTTP/1.0', remote: '00000000000000000000000000000001' });
    expect(attributes).toMatchObject({ 'url.full': 'http://[::1]:8080/a', 'server.address': '::1' });
  });

  test('its port only where it is not the default', () => {
    expect(clientSpan({ line: 'GET /a HTTP/1.0', remotePort: 80 }).attributes['url.full']).toBe('http://10.0.0.2/a');
  });

  test('the longest of everything', () => {
    const { attributes } = clientSpan({ line: `GET /${'p'.repeat(900)} HTTP/1.1`, host: `${'h'.repeat(89)}:65535` });
    expect(attributes['url.full']).toBe(`http://${'h'.repeat(89)}:65535/${'p'.repeat(507)}`);
    expect(attributes['server.port']).toBe(65535);
  });
});

test('one URL does not shine through the next, shorter one', () => {
  const long = clientSpan({ line: 'GET /a/long/path HTTP/1.1', host: 'a-long-host.example' });
  expect(long.attributes['url.full']).toBe('http://a-long-host.example/a/long/path');
  expect(clientSpan({ line: 'GET / HTTP/1.1', host: 'h' }).attributes['url.full']).toBe('http://h/');
});

describe('over TLS', () => {
  const flags = WHOLE | HttpExchangeFlag.ENCRYPTED;
  test.each<[string, string, number, string, number]>([
    ['h.example', '10.0.0.2', 443, 'https://h.example/a', 443],
    ['h.example:8443', '10.0.0.2', 8443, 'https://h.example:8443/a', 8443],
    ['', '10.0.0.2', 443, 'https://10.0.0.2/a', 443],
    ['', '10.0.0.2', 80, 'https://10.0.0.2:80/a', 80],
  ])('Host %j at %s:%d', (host, remote, remotePort, url, port) => {
    expect(clientSpan({ line: 'GET /a HTTP/1.1', host, remote, remotePort, flags }).attributes).toMatchObject({ 'url.full': url, 'server.port': port });
  });

  test('the next one in plaintext is as ever', () => {
    clientSpan({ line: 'GET /a HTTP/1.1', host: 'h.example', flags });
    expect(clientSpan({ line: 'GET /a HTTP/1.1', host: 'h.example' }).attributes).toMatchObject({ 'url.full': 'http://h.example/a', 'server.port': 80 });
  });
});
