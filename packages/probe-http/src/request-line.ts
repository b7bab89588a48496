// SPDX-License-Identifier: Apache-2.0
/** Finds method and target in the bytes of a request line, without making strings. */

/** Methods that the conventions know, where the configuration says nothing else; others are reported as `_OTHER`. */
export const KNOWN_METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', 'QUERY'];
const encode = (name: string): Method => ({ name, bytes: new TextEncoder().encode(name) });

interface Method {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Tells the form of a target, known or not. */
const CONNECT = encode('CONNECT');
const SPACE = 0x20;
const ASTERISK = 0x2a;
const SLASH = 0x2f;
const COLON = 0x3a;
const QUESTION_MARK = 0x3f;
/** Longer ones are not in use. */
const LONGEST_SCHEME = 8;

/** Forms of a request target (RFC 9112 §3.2): `/path`, `http://host/path` (to a proxy), `host:port` (CONNECT), `*` (OPTIONS). */
export type TargetForm = 'origin' | 'absolute' | 'authority' | 'asterisk';

/** One object for all records: valid until the next `read`. All numbers are offsets in the bytes given. */
export class RequestLine {
  readonly #known: readonly Method[];
  /** A known method, or undefined. */
  method: string | undefined;
  methodEnd = 0;
  form: TargetForm = 'origin';
  targetStart = 0;
  targetEnd = 0;
  /** Of an absolute target: the byte after its scheme. */
  schemeEnd = 0;
  /** Of an absolute target and one in authority form; empty otherwise. */
  authorityStart = 0;
  authorityEnd = 0;
  /** Empty for a target in authority form, `*` for one in asterisk form. */
  pathStart = 0;
  pathEnd = 0;
  /** `targetEnd` when there is no query; else the byte after `?`. */
  queryStart = 0;

  /** @param known methods that are reported by their name, compared with case. */
  constructor(known: readonly string[] = KNOWN_METHODS) {
    this.#known = known.map(encode);
  }

  /** @param end the line's end; a line that was cut has no version behind its target. */
  read(bytes: Uint8Array, start: number, end: number): void {
    let i = start;
    while (i < end && bytes[i] !== SPACE) i++;
    this.methodEnd = i;
    this.method = this.#knownMethod(bytes, start, i);
    this.targetStart = Math.min(i + 1, end);
    for (i = this.targetStart; i < end && bytes[i] !== SPACE; ) i++;
    this.targetEnd = i;
    this.#findParts(bytes, isSame(bytes, start, this.methodEnd, CONNECT.bytes));
    for (i = this.pathStart; i < this.targetEnd && bytes[i] !== QUESTION_MARK; ) i++;
    this.pathEnd = i;
    this.queryStart = Math.min(i + 1, this.targetEnd);
  }

  /** True for an empty one (`/path?`) too. */
  get hasQuery(): boolean {
    return this.pathEnd < this.targetEnd;
  }

  #knownMethod(bytes: Uint8Array, start: number, end: number): string | undefined {
    for (const method of this.#known) if (isSame(bytes, start, end, method.bytes)) return method.name;
    return undefined;
  }

  #findParts(bytes: Uint8Array, isConnect: boolean): void {
    const { targetStart, targetEnd } = this;
    this.authorityStart = this.authorityEnd = this.pathStart = targetStart;
    this.form = 'origin';
    if (bytes[targetStart] === SLASH) return;
    if (targetEnd - targetStart === 1 && bytes[targetStart] === ASTERISK) {
      this.form = 'asterisk';
    } else if (isConnect) {
      this.form = 'authority';
      this.authorityEnd = this.pathStart = targetEnd;
    } else if (this.#findScheme(bytes)) {
      this.form = 'absolute';
      let i = this.schemeEnd + 3;
      this.authorityStart = i;
      while (i < targetEnd && bytes[i] !== SLASH && bytes[i] !== QUESTION_MARK) i++;
      this.authorityEnd = this.pathStart = i;
    }
  }

  /** Is there `scheme://` in front? */
  #findScheme(bytes: Uint8Array): boolean {
    for (let i = this.targetStart + 1; i + 2 < this.targetEnd && i <= this.targetStart + LONGEST_SCHEME; i++) {
      if (bytes[i] !== COLON) continue;
      this.schemeEnd = i;
      return bytes[i + 1] === SLASH && bytes[i + 2] === SLASH;
    }
    return false;
  }
}

function isSame(bytes: Uint8Array, start: number, end: number, expected: Uint8Array): boolean {
  if (expected.length !== end - start) return false;
  for (let i = 0; i < expected.length; i++) if (bytes[start + i] !== expected[i]) return false;
  return true;
}
