// SPDX-License-Identifier: Apache-2.0
/** One exchange record → one span, after the OpenTelemetry semantic conventions for HTTP. */
import { Config, inject, injectable, type RecordView, Routes, type SpanDecoder, SpanKind, type SpanWriter, StatusCode } from '@obi/core/probe';
import { formatAddress, formatEndpoint } from './addresses.js';
import * as key from './attributes.js';
import { Authority } from './authority.js';
import { ClientUrl } from './client-url.js';
import { HTTP_PORT, HTTPS_PORT, readHost, writeEnds } from './ends.js';
import { httpExchangeEvent as event, HttpExchangeFlag, HttpRole, HttpVersion } from './generated/http.events.js';
import { QueryRedaction } from './query-redaction.js';
import { RequestLine } from './request-line.js';
import { routerRoute } from './router-route.js';

const utf8 = new TextDecoder();
const HTTPS = new TextEncoder().encode('https');
const VERSIONS: Readonly<Record<number, string>> = { [HttpVersion['1_0']]: '1.0', [HttpVersion['1_1']]: '1.1', [HttpVersion['2']]: '2' };
/** High word of the first number that is no exact one in JavaScript, 2^53. */
const TOO_HIGH = 2 ** 21;

@injectable()
export class HttpExchangeDecoder implements SpanDecoder {
  readonly #line: RequestLine;
  readonly #origin = new Authority();
  readonly #redaction: QueryRedaction;
  readonly #url: ClientUrl;
  readonly #routes: Routes;
  #isEncrypted = false;

  constructor(@inject(Config) config: Config, @inject(Routes) routes: Routes) {
    this.#line = new RequestLine(config.attributes.http_known_methods);
    this.#redaction = new QueryRedaction(config.attributes.sensitive_query_params);
    this.#url = new ClientUrl(this.#redaction, event.length.host + event.length.line);
    this.#routes = routes;
  }

  decode(record: RecordView, span: SpanWriter): void {
    const { view, bytes, base } = record;
    const { offset } = event;
    const isServer = event.role(view, base) === HttpRole.SERVER;
    const line = this.#line;
    const lineStart = base + offset.line;
    const kept = Math.min(event.lineLen(view, base), event.length.line);
    line.read(bytes, lineStart, Math.min(lineStart + kept, base + record.length));

    const route = isServer ? this.#routes.match(bytes, line.pathStart, line.pathEnd) : undefined;
    if (route?.ignored || !span.begin(event.tgid(view, base))) return;
    span.kind(isServer ? SpanKind.SERVER : SpanKind.CLIENT);
    span.ids(bytes, base + offset.traceTraceId, base + offset.traceSpanId, base + offset.traceParentId, event.traceFlags(view, base));
    span.times(view, base + offset.startNs, base + offset.endNs);
    // What the configuration says wins over the program's own router, and that over a guess.
    const name = route?.name && !route.guessed ? route.name : (routerRoute(record, lineStart + kept, line) ?? route?.name);
    this.#method(bytes, span, lineStart, name);
    if (name) span.string(key.ROUTE, name);
    this.#findOrigin(record);
    this.#isEncrypted = (event.flags(view, base) & HttpExchangeFlag.ENCRYPTED) !== 0;
    if (isServer) this.#server(bytes, span);
    else this.#url.write(span, bytes, line, this.#isEncrypted, this.#origin, this.#origin.isEmpty ? this.#remoteEndpoint(record) : '');
    writeEnds(record, span, isServer, this.#origin, this.#isHttps(bytes) ? HTTPS_PORT : HTTP_PORT);
    span.string(key.PROTOCOL_VERSION, VERSIONS[event.version(view, base)] ?? '1.1');
    this.#outcome(record, span, isServer);
    span.end();
  }

  #method(bytes: Uint8Array, span: SpanWriter, lineStart: number, route: string | undefined): void {
    const { method, methodEnd } = this.#line;
    span.string(key.METHOD, method ?? '_OTHER');
    if (method === undefined) span.text(key.METHOD_ORIGINAL, bytes, lineStart, methodEnd);
    const verb = method ?? 'HTTP';
    span.name(route ? `${verb} ${route}` : verb);
  }

  /** Whom the request is for: the target says it before the Host field does (RFC 9112 §3.2.2). */
  #findOrigin(record: RecordView): void {
    const line = this.#line;
    if (line.authorityEnd > line.authorityStart) this.#origin.read(record.bytes, line.authorityStart, line.authorityEnd);
    else readHost(record, this.#origin);
  }

  #server(bytes: Uint8Array, span: SpanWriter): void {
    const line = this.#line;
    const isAbsolute = line.form === 'absolute';
    if (isAbsolute) span.text(key.URL_SCHEME, bytes, line.targetStart, line.schemeEnd);
    else span.string(key.URL_SCHEME, this.#isEncrypted ? 'https' : 'http');
    if (isAbsolute && line.pathStart === line.pathEnd) span.string(key.URL_PATH, '/');
    else span.text(key.URL_PATH, bytes, line.pathStart, line.pathEnd);
    if (!line.hasQuery) return;
    if (this.#redaction.mayChange(bytes, line.queryStart, line.targetEnd))
      span.string(key.URL_QUERY, this.#redaction.redact(utf8.decode(bytes.subarray(line.queryStart, line.targetEnd))));
    else span.text(key.URL_QUERY, bytes, line.queryStart, line.targetEnd);
  }

  #remoteEndpoint({ bytes, view, base }: RecordView): string {
    const address = formatAddress(bytes, view, base + event.offset.tupleRemote);
    return formatEndpoint(address, event.tupleRemotePort(view, base), this.#isEncrypted ? HTTPS_PORT : HTTP_PORT);
  }

  #isHttps(bytes: Uint8Array): boolean {
    const { form, targetStart, schemeEnd } = this.#line;
    if (form !== 'absolute') return this.#isEncrypted;
    return schemeEnd - targetStart === HTTPS.length && HTTPS.every((letter, i) => ((bytes[targetStart + i] ?? 0) | 0x20) === letter);
  }

  #outcome({ view, base }: RecordView, span: SpanWriter, isServer: boolean): void {
    const status = event.status(view, base);
    const flags = event.flags(view, base);
    // Of a body that was cut short, or that went by unseen, the size is not known.
    if (flags & HttpExchangeFlag.REQUEST_DONE) size(span, key.REQUEST_BODY_SIZE, view, base + event.offset.requestBytes);
    if (status > 0) span.int(key.STATUS_CODE, status);
    if (status > 0 && flags & HttpExchangeFlag.RESPONSE_DONE) size(span, key.RESPONSE_BODY_SIZE, view, base + event.offset.responseBytes);
    if (flags & HttpExchangeFlag.INCOMPLETE) {
      span.string(key.ERROR_TYPE, status > 0 ? 'incomplete_response' : 'no_response');
      span.status(StatusCode.ERROR);
    } else if (status >= (isServer ? 500 : 400)) {
      span.string(key.ERROR_TYPE, String(status));
      span.status(StatusCode.ERROR);
    }
  }
}

/** A number that JavaScript cannot hold exactly is left out: the attribute is the exact size or nothing. */
function size(span: SpanWriter, attribute: typeof key.REQUEST_BODY_SIZE, view: DataView, at: number): void {
  const high = view.getUint32(at + 4, true);
  if (high < TOO_HIGH) span.int(attribute, high * 2 ** 32 + view.getUint32(at, true));
}
