// SPDX-License-Identifier: Apache-2.0
/** One exchange record → one span, after the OpenTelemetry semantic conventions for HTTP. */
import { Config, inject, injectable, type RecordView, Routes, type SpanDecoder, SpanKind, type SpanWriter, StatusCode } from '@obi/core';
import { formatAddress } from './addresses.js';
import * as key from './attributes.js';
import { HttpExchangeFlag, HttpRole, httpExchangeEvent as event } from './generated/http.events.js';
import { QueryRedaction } from './query-redaction.js';
import { RequestLine } from './request-line.js';

const latin1 = new TextDecoder('latin1');
const HTTP = new TextEncoder().encode('http://');
const SLASH = 0x2f;
const COLON = 0x3a;
const CLOSING_BRACKET = 0x5d;
const DEFAULT_PORT = 80;

@injectable()
export class HttpExchangeDecoder implements SpanDecoder {
  readonly #line = new RequestLine();
  readonly #redaction: QueryRedaction;
  readonly #routes: Routes;
  /** `http://` + host + target of a client span. */
  readonly #url = new Uint8Array(HTTP.length + event.length.host + event.length.line);

  constructor(@inject(Config) config: Config, @inject(Routes) routes: Routes) {
    this.#redaction = new QueryRedaction(config.attributes.sensitive_query_params);
    this.#routes = routes;
    this.#url.set(HTTP);
  }

  decode(record: RecordView, span: SpanWriter): void {
    const { view, bytes, base } = record;
    const { offset } = event;
    const isServer = event.role(view, base) === HttpRole.SERVER;
    const line = this.#line;
    const lineStart = base + offset.line;
    line.read(bytes, lineStart, Math.min(lineStart + event.lineLen(view, base), base + record.length));

    const route = isServer ? this.#routes.match(bytes, line.pathStart, line.pathEnd) : undefined;
    if (route?.ignored || !span.begin(event.tgid(view, base))) return;
    span.kind(isServer ? SpanKind.SERVER : SpanKind.CLIENT);
    span.ids(bytes, base + offset.traceTraceId, base + offset.traceSpanId, base + offset.traceParentId, event.traceFlags(view, base));
    span.times(view, base + offset.startNs, base + offset.endNs);
    this.#method(record, span, lineStart, route?.name);
    if (route?.name) span.string(key.ROUTE, route.name);
    if (isServer) this.#server(record, span);
    else this.#client(record, span);
    this.#ends(record, span, isServer);
    this.#outcome(record, span, isServer);
    span.end();
  }

  #method({ bytes }: RecordView, span: SpanWriter, lineStart: number, route: string | undefined): void {
    const { method, methodEnd } = this.#line;
    span.string(key.METHOD, method ?? '_OTHER');
    if (method === undefined) span.text(key.METHOD_ORIGINAL, bytes, lineStart, methodEnd);
    const verb = method ?? 'HTTP';
    span.name(route ? `${verb} ${route}` : verb);
  }

  #server(record: RecordView, span: SpanWriter): void {
    const { bytes } = record;
    const line = this.#line;
    span.string(key.URL_SCHEME, 'http');
    span.text(key.URL_PATH, bytes, line.pathStart, line.pathEnd);
    if (line.hasQuery) span.string(key.URL_QUERY, this.#query(bytes));
  }

  /** An absolute target (request to a proxy) is the URL; else it is put together from the Host field. */
  #client({ bytes, view, base }: RecordView, span: SpanWriter): void {
    const line = this.#line;
    const host = base + event.offset.host;
    const authority = host + event.hostLen(view, base);
    const isWhole = line.isAbsolute(bytes) || bytes[line.targetStart] !== SLASH;
    const url = isWhole ? bytes : this.#url;
    const start = isWhole ? line.targetStart : 0;
    const end = isWhole ? line.pathEnd : this.#join(bytes, host, authority, line.targetStart, line.pathEnd);
    if (line.hasQuery) span.string(key.URL_FULL, `${latin1.decode(url.subarray(start, end))}?${this.#query(bytes)}`);
    else span.text(key.URL_FULL, url, start, end);
  }

  /** `http://` + two ranges, in the scratch buffer. @returns its length. */
  #join(bytes: Uint8Array, start: number, end: number, next: number, nextEnd: number): number {
    const path = HTTP.length + end - start;
    this.#url.set(bytes.subarray(start, end), HTTP.length);
    this.#url.set(bytes.subarray(next, nextEnd), path);
    return path + nextEnd - next;
  }

  #query(bytes: Uint8Array): string {
    return this.#redaction.redact(latin1.decode(bytes.subarray(this.#line.queryStart, this.#line.targetEnd)));
  }

  #ends({ bytes, view, base }: RecordView, span: SpanWriter, isServer: boolean): void {
    const remote = formatAddress(bytes, view, base + event.offset.tupleRemote);
    const remotePort = event.tupleRemotePort(view, base);
    const ownPort = event.tupleLocalPort(view, base);
    const host = base + event.offset.host;
    const hostEnd = host + event.hostLen(view, base);
    const nameEnd = endOfName(bytes, host, hostEnd);
    const port = portAfter(bytes, nameEnd, hostEnd);
    if (hostEnd > host) {
      span.text(key.SERVER_ADDRESS, bytes, host, nameEnd);
      span.int(key.SERVER_PORT, port ?? DEFAULT_PORT);
    } else {
      span.string(key.SERVER_ADDRESS, isServer ? formatAddress(bytes, view, base + event.offset.tupleLocal) : remote);
      span.int(key.SERVER_PORT, isServer ? ownPort : remotePort);
    }
    if (isServer) {
      span.string(key.CLIENT_ADDRESS, remote);
      span.int(key.CLIENT_PORT, remotePort);
    }
    span.string(key.PEER_ADDRESS, remote);
    span.int(key.PEER_PORT, remotePort);
    span.string(key.PROTOCOL_VERSION, event.minor(view, base) === 0 ? '1.0' : '1.1');
  }

  #outcome({ view, base }: RecordView, span: SpanWriter, isServer: boolean): void {
    const status = event.status(view, base);
    const incomplete = (event.flags(view, base) & HttpExchangeFlag.INCOMPLETE) !== 0;
    span.int(key.REQUEST_BODY_SIZE, Number(event.requestBytes(view, base)));
    if (status > 0) {
      span.int(key.STATUS_CODE, status);
      span.int(key.RESPONSE_BODY_SIZE, Number(event.responseBytes(view, base)));
    }
    if (incomplete) {
      span.string(key.ERROR_TYPE, status > 0 ? 'incomplete_response' : 'no_response');
      span.status(StatusCode.ERROR);
    } else if (status >= (isServer ? 500 : 400)) {
      span.string(key.ERROR_TYPE, String(status));
      span.status(StatusCode.ERROR);
    }
  }
}

/** End of the host's name in `name:port` or `[v6]:port`. */
function endOfName(bytes: Uint8Array, start: number, end: number): number {
  for (let i = end - 1; i >= start; i--) {
    if (bytes[i] === CLOSING_BRACKET) return end;
    if (bytes[i] === COLON) return i;
  }
  return end;
}

function portAfter(bytes: Uint8Array, colon: number, end: number): number | undefined {
  let port = 0;
  if (colon + 1 >= end) return undefined;
  for (let i = colon + 1; i < end; i++) {
    const digit = (bytes[i] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    port = port * 10 + digit;
  }
  return port <= 0xffff ? port : undefined;
}
