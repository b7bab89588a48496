// SPDX-License-Identifier: Apache-2.0
import type { GoFunction } from '../src/binary/function-table.js';
import { HTTP2_FUNCTIONS, http2Programs } from '../src/plan/http2.js';

const programsOf = (...names: string[]) => http2Programs(new Map(names.map((name) => [name, { address: 1, end: 2 } satisfies GoFunction])));
const GRPC = [
  'google.golang.org/grpc/internal/transport.(*http2Server).deleteStream',
  'google.golang.org/grpc/internal/transport.(*http2Server).finishStream',
  'google.golang.org/grpc.(*Server).handleStream',
  'google.golang.org/grpc/internal/transport.(*http2Server).operateHeaders',
];
const BUNDLED = HTTP2_FUNCTIONS.filter((name) => name.startsWith('net/http.('));
const CLIENT = BUNDLED.filter((name) => /client/i.test(name));
const SERVER = BUNDLED.filter((name) => !CLIENT.includes(name));

test('of several copies each is served', () => {
  const xnet = BUNDLED.map((name) => name.replace('net/http.(*http2', 'golang.org/x/net/http2.(*'));
  expect(Object.keys(programsOf(...BUNDLED, ...xnet)).sort()).toEqual([...BUNDLED, ...xnet].sort());
});

test('a copy that lacks a function is left alone, the others not', () => {
  expect([SERVER.length, CLIENT.length]).toEqual([5, 6]);
  expect(Object.keys(programsOf(...SERVER.slice(1), ...CLIENT, ...GRPC))).toEqual(CLIENT);
  expect(Object.keys(programsOf(...SERVER, ...CLIENT.slice(1)))).toEqual(SERVER);
  expect(Object.keys(programsOf('net/http/internal/http2.(*serverConn).closeStream', ...BUNDLED))).toEqual(BUNDLED);
});

test('what opens is hooked last', () => {
  expect(Object.values(programsOf(...SERVER)).at(-1)).toBe('go_h2_opened');
  expect(Object.values(programsOf(...CLIENT)).at(-1)).toBe('go_h2_encodes');
});

// Closures are numbered as they come in the source: until gRPC 1.60 the one that takes a call is the first.
test.each([
  ['func1', ['func1', 'func1.1', 'func1.2', 'func2']],
  ['func2', ['func1', 'func2', 'func2.1']],
])('gRPC: %s takes the call', (taken, closures) => {
  const programs = programsOf(...GRPC, ...closures.map((name) => `google.golang.org/grpc.(*Server).serveStreams.${name}`));
  expect(Object.entries(programs).find(([, program]) => program === 'go_rpc_opened')?.[0]).toBe(`google.golang.org/grpc.(*Server).serveStreams.${taken}`);
  expect(Object.values(programs).at(-1)).toBe('go_rpc_read');
});

test('gRPC without such a function: the compiler has changed', () => {
  expect(programsOf(...GRPC, 'google.golang.org/grpc.(*Server).serveStreams.func1', 'google.golang.org/grpc.(*Server).serveStreams.func2')).toEqual({});
});
