// SPDX-License-Identifier: Apache-2.0
/** Takes `name:port` apart, as it stands in a Host field or in a request target, without making strings. */

const COLON = 0x3a;
const AT = 0x40;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;

/** One object for all records: valid until the next `read`. All numbers but `port` are offsets in the bytes given. */
export class Authority {
  /** Behind user information (`user:password@`), which is not to be reported. */
  start = 0;
  end = 0;
  /** The name without port, of `[v6]` what is between the brackets. */
  nameStart = 0;
  nameEnd = 0;
  /** Undefined where none is given, or no valid one. */
  port: number | undefined;

  get isEmpty(): boolean {
    return this.nameEnd <= this.nameStart;
  }

  read(bytes: Uint8Array, start: number, end: number): void {
    let from = end;
    while (from > start && bytes[from - 1] !== AT) from--;
    this.start = from;
    this.end = end;
    this.nameStart = from;
    this.nameEnd = end;
    this.port = undefined;
    if (bytes[from] === OPENING_BRACKET && from < end) this.#readV6(bytes, from, end);
    else this.#readName(bytes, from, end);
  }

  #readV6(bytes: Uint8Array, start: number, end: number): void {
    let i = start;
    while (i < end && bytes[i] !== CLOSING_BRACKET) i++;
    if (i === end) return; // no end of the address: taken as it is
    this.nameStart = start + 1;
    this.nameEnd = i;
    if (bytes[i + 1] === COLON) this.port = portOf(bytes, i + 2, end);
  }

  /** An IPv6 address without brackets has several colons, and no port. */
  #readName(bytes: Uint8Array, start: number, end: number): void {
    let colon = start;
    while (colon < end && bytes[colon] !== COLON) colon++;
    for (let i = colon + 1; i < end; i++) if (bytes[i] === COLON) return;
    this.nameEnd = colon;
    this.port = portOf(bytes, colon + 1, end);
  }
}

function portOf(bytes: Uint8Array, start: number, end: number): number | undefined {
  if (start >= end) return undefined;
  let port = 0;
  for (let i = start; i < end; i++) {
    const digit = (bytes[i] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    port = port * 10 + digit;
  }
  return port > 0 && port <= 0xffff ? port : undefined;
}
