// SPDX-License-Identifier: Apache-2.0
// Records of HTTP/2, as the kernel side of this probe sends them → spans.
import { Config, ConfigRoutes, Container, Logger, loadConfig, Routes, SpanKind, StatusCode, silentLogger } from '@obi/core';
import { httpExchangeEvent as decoded, HttpExchangeFlag, HttpRpc } from '@obi/probe-http';
import { replay } from '@obi/probe-kit';
import { httpExchangeEvent as event } from '../src/generated/go.events.js';
import probe from '../src/index.js';

const SERVER = 1;
const CLIENT = 2;
const HTTP_2 = 2;
const { REQUEST_SEEN, INCOMPLETE, ENCRYPTED } = HttpExchangeFlag;

interface Stream {
  readonly line: string;
  readonly host?: string;
  readonly status?: number;
  readonly flags?: number;
  readonly rpc?: number;
  readonly role?: number;
}

function record({ line, host = 'shop.example:8443', status = 0, flags = REQUEST_SEEN | ENCRYPTED, rpc = HttpRpc.GRPC, role = SERVER }: Stream): Uint8Array {
  const { offset } = event;
  const bytes = Buffer.alloc(offset.line + line.length);
  bytes.writeUInt16LE(1, offset.hdrProbe);
  bytes.writeUInt16LE(event.kind, offset.hdrKind);
  bytes.writeUInt32LE(bytes.length, offset.hdrLen);
  bytes.write('0af7651916cd43dd8448eb211c80319c', offset.traceTraceId, 'hex');
  bytes.write('b7ad6b7169203331', offset.traceSpanId, 'hex');
  bytes.write('00f067aa0ba902b7', offset.traceParentId, 'hex');
  bytes.writeUInt8(1, offset.traceFlags);
  bytes.write('00000000000000000000ffff0a000001', offset.tupleLocal, 'hex');
  bytes.write('00000000000000000000ffff0a000002', offset.tupleRemote, 'hex');
  bytes.writeUInt16LE(8443, offset.tupleLocalPort);
  bytes.writeUInt16LE(40123, offset.tupleRemotePort);
  bytes.writeUInt32LE(4711, offset.tgid);
  bytes.writeUInt16LE(status, offset.status);
  bytes.writeUInt8(role, offset.role);
  bytes.writeUInt8(flags, offset.flags);
  bytes.writeUInt8(HTTP_2, offset.version);
  bytes.writeUInt8(rpc, offset.rpc);
  bytes.writeUInt8(host.length, offset.hostLen);
  bytes.writeUInt16LE(line.length, offset.lineLen);
  bytes.write(host, offset.host);
  bytes.write(line, offset.line);
  return bytes;
}

function spanOf(stream: Stream) {
  const { config } = loadConfig({ env: {}, overrides: { 'routes.unmatched': 'unset' } });
  const container = Container.create()
    .registerValue(Config, config)
    .registerValue(Logger, silentLogger)
    .registerFactory(Routes, () => new ConfigRoutes(config.routes));
  const [span, ...others] = replay(probe, [{ struct: event.struct, kind: event.kind, hex: Buffer.from(record(stream)).toString('hex') }], container, {});
  expect(others).toEqual([]);
  return span;
}

test('the object and the decoder mean the same layout', () => {
  expect([event.digest, event.kind, event.minSize]).toEqual([decoded.digest, decoded.kind, decoded.minSize]);
});

test('a call of gRPC', () => {
  expect(spanOf({ line: 'POST /shop.Orders/Place' })).toEqual({
    pid: 4711,
    name: 'shop.Orders/Place',
    kind: SpanKind.SERVER,
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    parentSpanId: '00f067aa0ba902b7',
    flags: 1,
    startNs: 0n,
    endNs: 0n,
    attributes: {
      'rpc.system.name': 'grpc',
      'rpc.method': 'shop.Orders/Place',
      'server.address': 'shop.example',
      'server.port': 8443,
      'client.address': '10.0.0.2',
      'client.port': 40123,
      'network.peer.address': '10.0.0.2',
      'network.peer.port': 40123,
      'rpc.response.status_code': 'OK',
    },
  });
});

test.each([
  ['NOT_FOUND: the caller is to blame', { status: 5 }, 'NOT_FOUND', undefined],
  ['UNAVAILABLE', { status: 14 }, 'UNAVAILABLE', 'UNAVAILABLE'],
  ['no answer', { status: 0xffff, flags: REQUEST_SEEN | INCOMPLETE }, undefined, 'no_response'],
  ['a code that does not exist', { status: 99 }, undefined, '_OTHER'],
  ['a code of more than two digits', { status: 0xfffe }, undefined, '_OTHER'],
])('%s', (_, stream, code, error) => {
  const span = spanOf({ line: 'POST /shop.Orders/Place', ...stream });
  expect([span?.attributes['rpc.response.status_code'], span?.attributes['error.type'], span?.status?.code]).toEqual([
    code,
    error,
    error === undefined ? undefined : StatusCode.ERROR,
  ]);
});

test('a call of gRPC that goes out', () => {
  const span = spanOf({ line: 'POST /shop.Orders/Place', host: 'shop.example', role: CLIENT });
  expect(span).toMatchObject({ name: 'shop.Orders/Place', kind: SpanKind.CLIENT });
  expect(span?.attributes).toEqual({
    'rpc.system.name': 'grpc',
    'rpc.method': 'shop.Orders/Place',
    'server.address': 'shop.example',
    'server.port': 40123,
    'network.peer.address': '10.0.0.2',
    'network.peer.port': 40123,
    'rpc.response.status_code': 'OK',
  });
});

test.each([
  ['NOT_FOUND: an error for who called', { status: 5 }, 'NOT_FOUND', 'NOT_FOUND'],
  ['a code that does not exist', { status: 99 }, undefined, '_OTHER'],
  ['one of which nothing is known', { status: 0xffff, flags: REQUEST_SEEN | INCOMPLETE }, undefined, 'no_response'],
])('a call that goes out: %s', (_, stream, code, error) => {
  const span = spanOf({ line: 'POST /shop.Orders/Place', role: CLIENT, ...stream });
  expect([span?.attributes['rpc.response.status_code'], span?.attributes['error.type'], span?.status?.code]).toEqual([code, error, StatusCode.ERROR]);
});

test('a call whose method, or whose authority, was not read', () => {
  expect(spanOf({ line: 'POST ', host: '' })).toMatchObject({
    name: 'grpc',
    attributes: { 'server.address': '10.0.0.1', 'server.port': 8443 },
  });
  expect(spanOf({ line: '' })?.attributes).not.toHaveProperty(['rpc.method']);
});

test('a request that is no call of gRPC', () => {
  expect(spanOf({ line: 'GET /orders?page=2', status: 404, rpc: HttpRpc.NONE })).toMatchObject({
    name: 'GET',
    attributes: {
      'http.request.method': 'GET',
      'url.scheme': 'https',
      'url.path': '/orders',
      'url.query': 'page=2',
      'network.protocol.version': '2',
      'http.response.status_code': 404,
    },
  });
});
