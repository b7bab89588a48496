// SPDX-License-Identifier: Apache-2.0
/** Who speaks with whom: `server.*`, `client.*` and `network.peer.*` of an exchange, whatever protocol is spoken in it. */
import type { RecordView, SpanWriter } from '@obi/core/probe';
import { formatAddress } from './addresses.js';
import * as key from './attributes.js';
import type { Authority } from './authority.js';
import { httpExchangeEvent as event } from './generated/http.events.js';

/** Of names without a port. */
export const HTTP_PORT = 80;
export const HTTPS_PORT = 443;

/** The name that the client used, as the record has it: a Host field, or `:authority`. */
export function readHost({ bytes, view, base }: RecordView, authority: Authority): void {
  const host = base + event.offset.host;
  const length = event.hostLen(view, base);
  // A field that fills its place was cut, perhaps: half a name is none.
  authority.read(bytes, host, length < event.length.host ? host + length : host);
}

/** @param origin whom the request is for; empty: not known, then the socket's address says it. @param defaultPort of a name without port */
export function writeEnds({ bytes, view, base }: RecordView, span: SpanWriter, isServer: boolean, origin: Authority, defaultPort: number): void {
  const remote = formatAddress(bytes, view, base + event.offset.tupleRemote);
  const remotePort = event.tupleRemotePort(view, base);
  if (origin.isEmpty) {
    span.string(key.SERVER_ADDRESS, isServer ? formatAddress(bytes, view, base + event.offset.tupleLocal) : remote);
    span.int(key.SERVER_PORT, isServer ? event.tupleLocalPort(view, base) : remotePort);
  } else {
    span.text(key.SERVER_ADDRESS, bytes, origin.nameStart, origin.nameEnd);
    span.int(key.SERVER_PORT, origin.port ?? defaultPort);
  }
  if (isServer) {
    span.string(key.CLIENT_ADDRESS, remote);
    span.int(key.CLIENT_PORT, remotePort);
  }
  span.string(key.PEER_ADDRESS, remote);
  span.int(key.PEER_PORT, remotePort);
}
