// SPDX-License-Identifier: Apache-2.0
/** Builds exchange records as the kernel side sends them, by the generated offsets. */
import { httpExchangeEvent as event, HttpExchangeFlag, HttpRole, HttpVersion } from '../../src/generated/http.events.js';

export interface Exchange {
  readonly role?: number;
  /** The whole request line; longer ones are cut as the kernel cuts them. */
  readonly line?: string;
  /** The Host field's value. */
  readonly host?: string;
  readonly status?: number;
  readonly flags?: number;
  /** HttpVersion */
  readonly version?: number;
  readonly requestBytes?: bigint;
  readonly responseBytes?: bigint;
  readonly local?: string;
  readonly remote?: string;
  readonly localPort?: number;
  readonly remotePort?: number;
  readonly traceId?: string;
  readonly spanId?: string;
  readonly parentId?: string;
  readonly traceFlags?: number;
  readonly startNs?: bigint;
  readonly endNs?: bigint;
  readonly tgid?: number;
  /** As the program's own router has told it. */
  readonly route?: string;
}

const { REQUEST_SEEN, RESPONSE_SEEN, REQUEST_DONE, RESPONSE_DONE } = HttpExchangeFlag;
export const WHOLE = REQUEST_SEEN | RESPONSE_SEEN | REQUEST_DONE | RESPONSE_DONE;

/** An answered `GET / HTTP/1.1` of a server on 10.0.0.1:8080 where nothing else is said. */
export function exchange(of: Exchange = {}): Uint8Array {
  const { offset, length } = event;
  const line = Buffer.from(of.line ?? 'GET / HTTP/1.1');
  const host = Buffer.from(of.host ?? '');
  const kept = line.subarray(0, length.line);
  const route = Buffer.from(of.route ?? '');
  const record = Buffer.alloc(offset.line + kept.length + route.length);
  record.writeUInt16LE(1, offset.hdrProbe);
  record.writeUInt16LE(event.kind, offset.hdrKind);
  record.writeUInt32LE(record.length, offset.hdrLen);
  record.write(of.traceId ?? '0af7651916cd43dd8448eb211c80319c', offset.traceTraceId, 'hex');
  record.write(of.spanId ?? 'b7ad6b7169203331', offset.traceSpanId, 'hex');
  record.write(of.parentId ?? '0000000000000000', offset.traceParentId, 'hex');
  record.writeUInt8(of.traceFlags ?? 1, offset.traceFlags);
  address(of.local ?? '10.0.0.1').copy(record, offset.tupleLocal);
  address(of.remote ?? '10.0.0.2').copy(record, offset.tupleRemote);
  record.writeUInt16LE(of.localPort ?? 8080, offset.tupleLocalPort);
  record.writeUInt16LE(of.remotePort ?? 40123, offset.tupleRemotePort);
  record.writeBigUInt64LE(of.startNs ?? 1_000n, offset.startNs);
  record.writeBigUInt64LE(of.endNs ?? 2_000n, offset.endNs);
  record.writeBigUInt64LE(of.requestBytes ?? 0n, offset.requestBytes);
  record.writeBigUInt64LE(of.responseBytes ?? 0n, offset.responseBytes);
  record.writeUInt32LE(of.tgid ?? 4711, offset.tgid);
  record.writeUInt16LE(of.status ?? 200, offset.status);
  record.writeUInt8(of.role ?? HttpRole.SERVER, offset.role);
  record.writeUInt8(of.flags ?? WHOLE, offset.flags);
  record.writeUInt8(of.version ?? HttpVersion['1_1'], offset.version);
  record.writeUInt8(Math.min(host.length, length.host), offset.hostLen);
  record.writeUInt16LE(Math.min(line.length, 0xffff), offset.lineLen);
  host.copy(record, offset.host, 0, Math.min(host.length, length.host));
  record.writeUInt8(route.length, offset.routeLen);
  kept.copy(record, offset.line);
  route.copy(record, offset.line + kept.length);
  return record;
}

/** A client's exchange with 10.0.0.2:8080. */
export const clientExchange = (of: Exchange = {}): Uint8Array => exchange({ role: HttpRole.CLIENT, localPort: 40123, remotePort: 8080, ...of });

/** `a.b.c.d`, or 16 bytes as hexadecimal. */
function address(text: string): Buffer {
  if (!text.includes('.')) return Buffer.from(text, 'hex');
  return Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...text.split('.').map(Number)]);
}
