// SPDX-License-Identifier: Apache-2.0
/** Finds method and target in the bytes of a request line, without making strings. */

/** Methods that the conventions know; others are reported as `_OTHER`. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', 'QUERY'];
const encoded = METHODS.map((name) => ({ name, bytes: new TextEncoder().encode(name) }));

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

  /** @param end the line's end; a line that was cut has no version behind its target. */
  read(bytes: Uint8Array, start: number, end: number): void {
    let i = start;
    while (i < end && bytes[i] !== SPACE) i++;
    this.methodEnd = i;
    this.method = knownMethod(bytes, start, i);
    this.targetStart = Math.min(i + 1, end);
    for (i = this.targetStart; i < end && bytes[i] !== SPACE; ) i++;
    this.targetEnd = i;
    this.#findParts(bytes);
    for (i = this.pathStart; i < this.targetEnd && bytes[i] !== QUESTION_MARK; ) i++;
    this.pathEnd = i;
    this.queryStart = Math.min(i + 1, this.targetEnd);
  }

  /** True for an empty one (`/path?`) too. */
  get hasQuery(): boolean {
    return this.pathEnd < this.targetEnd;
  }

  #findParts(bytes: Uint8Array): void {
    const { targetStart, targetEnd } = this;
    this.authorityStart = this.authorityEnd = this.pathStart = targetStart;
    this.form = 'origin';
    if (bytes[targetStart] === SLASH) return;
    if (targetEnd - targetStart === 1 && bytes[targetStart] === ASTERISK) {
      this.form = 'asterisk';
    } else if (this.method === 'CONNECT') {
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

function knownMethod(bytes: Uint8Array, start: number, end: number): string | undefined {
  for (const { name, bytes: expected } of encoded) {
    if (expected.length !== end - start) continue;
    let same = true;
    for (let i = 0; i < expected.length && same; i++) same = bytes[start + i] === expected[i];
    if (same) return name;
  }
  return undefined;
}
