// SPDX-License-Identifier: Apache-2.0
/** Servers and clients of HTTP/2 in a Go program: net/http's own, which were made from golang.org/x/net/http2 under other names, that itself, and gRPC's servers (its clients: binary/grpc-sites.ts). A program may have all. */
import type { GoFunctions } from '../binary/function-table.js';

/** Function → program. The one that opens comes last: nothing is opened whose end nobody would see. */
type Programs = Readonly<Record<string, string>>;

/** What stands in front of the types' names, in every copy of the code: bundled (until Go 1.26), a package of its own (since 1.27), x/net. */
const COPIES = ['net/http.(*http2', 'net/http/internal/http2.(*', 'golang.org/x/net/http2.(*'] as const;
const SERVER: Programs = {
  'serverConn).closeStream': 'go_h2_closed',
  'responseWriter).handlerDone': 'go_h2_handled',
  'serverConn).writeHeaders': 'go_h2_answered',
  'serverConn).runHandler': 'go_h2_served',
  'serverConn).newWriterAndRequest': 'go_h2_opened',
};
const CLIENT: Programs = {
  'clientStream).cleanupWriteRequest': 'go_h2_over',
  'clientConnReadLoop).handleResponse': 'go_h2_got',
  'clientConnReadLoop).endStream': 'go_h2_got_all',
  'ClientConn).writeHeader': 'go_h2_field',
  'ClientConn).writeHeaders': 'go_h2_sent',
  'clientStream).encodeAndWriteHeaders': 'go_h2_encodes',
};
const copiesOf = (programs: Programs): Programs[] =>
  COPIES.map((copy) => Object.fromEntries(Object.entries(programs).map(([name, program]) => [copy + name, program])));

const TRANSPORT = 'google.golang.org/grpc/internal/transport.(*http2Server)';
/** The function in it that takes a call has one in itself, which serves the call; the compiler numbers them. */
const ACCEPT = [1, 2].map((n) => `google.golang.org/grpc.(*Server).serveStreams.func${n}`);
const inside = (name: string): string => `${name}.1`;
const grpcWith = (accept: string): Programs => ({
  [`${TRANSPORT}.deleteStream`]: 'go_rpc_closed',
  [`${TRANSPORT}.finishStream`]: 'go_rpc_answered',
  'google.golang.org/grpc.(*Server).handleStream': 'go_rpc_served',
  [accept]: 'go_rpc_opened',
  [`${TRANSPORT}.operateHeaders`]: 'go_rpc_read',
});

export const HTTP2_FUNCTIONS: readonly string[] = [...copiesOf(SERVER), ...copiesOf(CLIENT), ...ACCEPT.map(grpcWith)]
  .flatMap(Object.keys)
  .concat(ACCEPT.map(inside));

/** @returns function → program, of those servers and clients that are whole: a request that nobody sees end would stay open */
export function http2Programs(functions: GoFunctions): Programs {
  const accept = ACCEPT.find((name) => functions.has(inside(name)));
  const sides = [...copiesOf(SERVER), ...copiesOf(CLIENT), ...(accept === undefined ? [] : [grpcWith(accept)])];
  return Object.assign({}, ...sides.filter((side) => Object.keys(side).every((name) => functions.has(name))));
}
