// SPDX-License-Identifier: Apache-2.0
/** `url.full` of a client span: the target URI that RFC 9112 §3.3 makes of request line and Host field. */
import type { SpanWriter } from '@obi/core/probe';
import { URL_FULL } from './attributes.js';
import type { Authority } from './authority.js';
import type { QueryRedaction } from './query-redaction.js';
import type { RequestLine } from './request-line.js';

const utf8 = new TextDecoder();
const encoder = new TextEncoder();
const HTTP = encoder.encode('http://');
const HTTPS = encoder.encode('https://');
const SLASH = 0x2f;
/** `[v6]:port` */
const LONGEST_ADDRESS = 48;

export class ClientUrl {
  /** `https://` + authority + path */
  readonly #buffer: Uint8Array;
  #length = 0;

  /** @param longest host and request line, in bytes, together. */
  constructor(
    private readonly redaction: QueryRedaction,
    longest: number,
  ) {
    this.#buffer = new Uint8Array(HTTPS.length + LONGEST_ADDRESS + longest + 1);
  }

  /**
   * @param isEncrypted the connection is one of TLS.
   * @param origin from target or Host field; empty when neither names one.
   * @param address the peer's `address:port`, for an origin that is empty.
   */
  write(span: SpanWriter, bytes: Uint8Array, line: RequestLine, isEncrypted: boolean, origin: Authority, address: string): void {
    if (line.form === 'absolute') {
      this.#absolute(span, bytes, line, origin);
      return;
    }
    const scheme = isEncrypted ? HTTPS : HTTP;
    this.#buffer.set(scheme);
    this.#length = scheme.length;
    if (origin.isEmpty) this.#length += encoder.encodeInto(address, this.#buffer.subarray(this.#length)).written;
    else this.#append(bytes, origin.start, origin.end);
    if (line.form === 'origin') {
      if (bytes[line.pathStart] !== SLASH || line.pathStart === line.pathEnd) this.#buffer[this.#length++] = SLASH;
      this.#append(bytes, line.pathStart, line.pathEnd);
    }
    if (this.#isSensitive(bytes, line)) {
      span.string(URL_FULL, `${utf8.decode(this.#buffer.subarray(0, this.#length))}${this.#query(bytes, line)}`);
    } else {
      this.#append(bytes, line.pathEnd, line.targetEnd);
      span.text(URL_FULL, this.#buffer, 0, this.#length);
    }
  }

  /** The target is the URL; what it says of a user is replaced, as the conventions ask for. */
  #absolute(span: SpanWriter, bytes: Uint8Array, line: RequestLine, origin: Authority): void {
    const hasUser = line.authorityEnd > line.authorityStart && origin.start > line.authorityStart;
    if (!hasUser && !this.#isSensitive(bytes, line)) {
      span.text(URL_FULL, bytes, line.targetStart, line.targetEnd);
      return;
    }
    const text = (start: number, end: number) => utf8.decode(bytes.subarray(start, end));
    const beginning = hasUser
      ? `${text(line.targetStart, line.authorityStart)}REDACTED:REDACTED@${text(origin.start, line.pathEnd)}`
      : text(line.targetStart, line.pathEnd);
    span.string(URL_FULL, `${beginning}${this.#query(bytes, line)}`);
  }

  #isSensitive(bytes: Uint8Array, line: RequestLine): boolean {
    return line.hasQuery && this.redaction.mayChange(bytes, line.queryStart, line.targetEnd);
  }

  /** With its `?`; empty when there is none. */
  #query(bytes: Uint8Array, line: RequestLine): string {
    return line.hasQuery ? `?${this.redaction.redact(utf8.decode(bytes.subarray(line.queryStart, line.targetEnd)))}` : '';
  }

  #append(bytes: Uint8Array, start: number, end: number): void {
    this.#buffer.set(bytes.subarray(start, end), this.#length);
    this.#length += end - start;
  }
}
