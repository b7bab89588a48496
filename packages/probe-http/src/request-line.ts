// SPDX-License-Identifier: Apache-2.0
/** Finds method and target in the bytes of a request line, without making strings. */

/** Methods that the conventions know; others are reported as `_OTHER`. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', 'QUERY'];
const encoded = METHODS.map((name) => ({ name, bytes: new TextEncoder().encode(name) }));

const SPACE = 0x20;
const QUESTION_MARK = 0x3f;
const SLASH = 0x2f;
const COLON = 0x3a;

/** One object for all records: valid until the next `read`. All numbers are offsets in the bytes given. */
export class RequestLine {
  /** A known method, or undefined. */
  method: string | undefined;
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  /** Of an absolute target (`http://host/path`), where its path begins; `targetStart` for `/path`. */
  pathStart = 0;
  pathEnd = 0;
  /** `pathEnd` when there is no query; else the byte after `?`. */
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
    this.pathStart = this.#findPath(bytes);
    for (i = this.pathStart; i < this.targetEnd && bytes[i] !== QUESTION_MARK; ) i++;
    this.pathEnd = i;
    this.queryStart = Math.min(i + 1, this.targetEnd);
  }

  get hasQuery(): boolean {
    return this.pathEnd < this.targetEnd;
  }

  /** `http://host/path`: behind the authority. `/path` and `*`: at once. */
  #findPath(bytes: Uint8Array): number {
    if (!this.isAbsolute(bytes)) return this.targetStart;
    let i = this.targetStart;
    while (i < this.targetEnd && bytes[i] !== COLON) i++;
    for (i += 3; i < this.targetEnd && bytes[i] !== SLASH && bytes[i] !== QUESTION_MARK; ) i++;
    return Math.min(i, this.targetEnd);
  }

  /** Has the target a scheme (requests to a proxy)? */
  isAbsolute(bytes: Uint8Array): boolean {
    if (bytes[this.targetStart] === SLASH) return false;
    for (let i = this.targetStart; i + 2 < this.targetEnd && i < this.targetStart + 8; i++) {
      if (bytes[i] === COLON) return bytes[i + 1] === SLASH && bytes[i + 2] === SLASH;
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
