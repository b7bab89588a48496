// SPDX-License-Identifier: Apache-2.0
/** Exchanges of HTTP/2 → spans: those that are calls of gRPC after the semantic conventions for RPC, the others as probe-http's. */
import { attributeKey, Config, inject, injectable, type RecordView, Routes, type SpanDecoder, SpanKind, type SpanWriter, StatusCode } from '@obi/core/probe';
import {
  Authority,
  ERROR_TYPE,
  httpExchangeEvent as event,
  HTTP_PORT,
  HTTPS_PORT,
  HttpExchangeDecoder,
  HttpExchangeFlag,
  HttpRole,
  HttpRpc,
  readHost,
  writeEnds,
} from '@obi/probe-http';

// In the conventions' incubating part, which the package does not export by a stable name.
const RPC_SYSTEM = attributeKey('rpc.system.name');
const RPC_METHOD = attributeKey('rpc.method');
const RPC_STATUS = attributeKey('rpc.response.status_code');

/** By number: https://grpc.io/docs/guides/status-codes/ */
const CODES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;
/** Those for which the server is to blame, as the conventions see it. */
const FAULTS: ReadonlySet<string> = new Set(['UNKNOWN', 'DEADLINE_EXCEEDED', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS']);
const SPACE = 0x20;
const SLASH = 0x2f;
const latin1 = new TextDecoder('latin1');

@injectable()
export class ExchangeDecoder implements SpanDecoder {
  readonly #http: HttpExchangeDecoder;
  readonly #authority = new Authority();

  constructor(@inject(Config) config: Config, @inject(Routes) routes: Routes) {
    this.#http = new HttpExchangeDecoder(config, routes);
  }

  decode(record: RecordView, span: SpanWriter): void {
    if (event.rpc(record.view, record.base) === HttpRpc.GRPC) this.#call(record, span);
    else this.#http.decode(record, span);
  }

  #call(record: RecordView, span: SpanWriter): void {
    const { view, bytes, base } = record;
    const { offset } = event;
    if (!span.begin(event.tgid(view, base))) return;
    const isServer = event.role(view, base) === HttpRole.SERVER;
    span.kind(isServer ? SpanKind.SERVER : SpanKind.CLIENT);
    span.ids(bytes, base + offset.traceTraceId, base + offset.traceSpanId, base + offset.traceParentId, event.traceFlags(view, base));
    span.times(view, base + offset.startNs, base + offset.endNs);
    const method = methodOf(record);
    span.name(method === '' ? 'grpc' : method);
    span.string(RPC_SYSTEM, 'grpc');
    if (method !== '') span.string(RPC_METHOD, method);
    readHost(record, this.#authority);
    const isEncrypted = (event.flags(view, base) & HttpExchangeFlag.ENCRYPTED) !== 0;
    // A client's name without a port is one that the resolver gave a port.
    const port = isServer ? (isEncrypted ? HTTPS_PORT : HTTP_PORT) : event.tupleRemotePort(view, base);
    writeEnds(record, span, isServer, this.#authority, port);
    outcome(record, span, isServer);
    span.end();
  }
}

/** `package.Service/Method`; empty when the path is none of that. */
function methodOf({ view, bytes, base, length }: RecordView): string {
  const start = base + event.offset.line;
  const end = Math.min(start + Math.min(event.lineLen(view, base), event.length.line), base + length);
  let at = start;
  while (at < end && bytes[at] !== SPACE) at++;
  if (bytes[at + 1] !== SLASH) return '';
  return latin1.decode(bytes.subarray(at + 2, end));
}

function outcome({ view, base }: RecordView, span: SpanWriter, isServer: boolean): void {
  const code = CODES[event.status(view, base)];
  if (code !== undefined) span.string(RPC_STATUS, code);
  const isCut = (event.flags(view, base) & HttpExchangeFlag.INCOMPLETE) !== 0;
  const isError = code === undefined || (isServer ? FAULTS.has(code) : code !== 'OK');
  if (!isCut && !isError) return;
  span.string(ERROR_TYPE, isCut ? 'no_response' : (code ?? '_OTHER'));
  span.status(StatusCode.ERROR);
}
