// SPDX-License-Identifier: Apache-2.0
// The proof that a carrier does no harm: what a server received differs from what was sent by one `traceparent` line before the blank line of a request, or not at all.

/**
 * @typedef {{ headers: [number, number][], opaqueFrom: number }} Layout headers: begin of each header block, and of its blank line; from opaqueFrom on nothing may change
 * @typedef {{ requests: number, inserted: number, error?: string }} Difference
 */

const INSERTED = /^traceparent: 00-([0-9a-f]{32})-([0-9a-f]{16})-0[01]\r\n/;
const INSERTED_LENGTH = 70;

/**
 * Where the header blocks of a stream of requests are (RFC 9112); lenient in line ends, strict in framing: where two readers could disagree about what comes next,
 * all that follows is opaque. @param {Buffer} bytes @returns {Layout}
 */
export function layout(bytes) {
  /** @type {Layout['headers']} */ const headers = [];
  let at = 0;
  while (at < bytes.length) {
    while (bytes[at] === 13 || bytes[at] === 10) at++;
    const block = headerBlock(bytes, at);
    if (!block) break;
    headers.push([at, block.blank]);
    const body = bodyEnd(bytes, block.end, block.lines);
    if (body === undefined) return { headers, opaqueFrom: block.end };
    at = body;
  }
  return { headers, opaqueFrom: at };
}

/** @param {Buffer} bytes @param {number} begin */
function headerBlock(bytes, begin) {
  /** @type {string[]} */ const lines = [];
  for (let at = begin; ; ) {
    const feed = bytes.indexOf(10, at);
    if (feed < 0) return undefined;
    const end = feed > at && bytes[feed - 1] === 13 ? feed - 1 : feed;
    if (lines.length === 0 && !/^[!-~]+ [!-~]+ HTTP\/1\.\d$/.test(bytes.toString('latin1', at, end))) return undefined;
    if (end === at) return { blank: at, end: feed + 1, lines };
    lines.push(bytes.toString('latin1', at, end));
    at = feed + 1;
  }
}

/** @param {string[]} lines @param {string} name */
const valuesOf = (lines, name) =>
  lines
    .slice(1)
    .filter((line) => line.toLowerCase().startsWith(`${name}:`))
    .map((line) => line.slice(name.length + 1).trim());

/** @param {Buffer} bytes @param {number} begin @param {string[]} lines @returns {number | undefined} undefined: cannot be known */
function bodyEnd(bytes, begin, lines) {
  const lengths = valuesOf(lines, 'content-length');
  const codings = valuesOf(lines, 'transfer-encoding');
  // The recording server stays with HTTP/1 for one target only.
  if (/^CONNECT /.test(lines[0] ?? '') || (valuesOf(lines, 'upgrade').length > 0 && !/ \/stay /.test(lines[0] ?? ''))) return undefined;
  if (codings.length > 0) return lengths.length === 0 && codings.length === 1 && codings[0]?.toLowerCase() === 'chunked' ? chunksEnd(bytes, begin) : undefined;
  if (lengths.length > 1 || lengths.some((value) => !/^\d{1,15}$/.test(value))) return undefined;
  return begin + Number(lengths[0] ?? 0);
}

/** @param {Buffer} bytes @param {number} begin */
function chunksEnd(bytes, begin) {
  let at = begin;
  const line = () => {
    const feed = bytes.indexOf(10, at);
    const text = feed < 0 ? undefined : bytes.toString('latin1', at, feed).replace(/\r$/, '');
    at = feed < 0 ? bytes.length : feed + 1;
    return text;
  };
  for (;;) {
    const size = line();
    if (size === undefined) return bytes.length;
    const length = Number.parseInt(size, 16);
    if (Number.isNaN(length)) return undefined;
    if (length === 0) break;
    at += length;
    if (line() === undefined) return bytes.length;
  }
  for (let trailer = line(); trailer; ) trailer = line();
  return at;
}

/** @param {Buffer} bytes @param {number} begin @param {number} end */
const ownFields = (bytes, begin, end) => (bytes.toString('latin1', begin, end).match(/^traceparent[ \t]*:/gim) ?? []).length;

/**
 * Proves that `received` is `sent` but for inserted lines, at most one in a request, at the end of its header block, never beside a field of the application's.
 * @param {Buffer} sent @param {Buffer} received @returns {Difference} error: where and how they differ otherwise
 */
export function difference(sent, received) {
  const { headers } = layout(sent);
  let from = 0;
  let inserted = 0;
  let shift = 0;
  const ids = new Set();
  /** @param {number} to */
  const same = (to) => {
    const mine = sent.subarray(from, to);
    const theirs = received.subarray(from + shift, to + shift);
    if (mine.equals(theirs)) return undefined;
    let at = 0;
    while (at < mine.length && mine[at] === theirs[at]) at++;
    const show = (/** @type {Buffer} */ bytes) => JSON.stringify(bytes.toString('latin1', Math.max(0, at - 20), at + 60));
    return `at byte ${from + at} of ${sent.length} sent (${received.length} received): ${show(mine)} became ${show(theirs)}`;
  };
  for (const [begin, blank] of headers) {
    const error = same(blank);
    if (error) return { requests: headers.length, inserted, error };
    from = blank;
    const match = received.toString('latin1', blank + shift, blank + shift + INSERTED_LENGTH).match(INSERTED);
    if (!match) continue;
    if (ownFields(sent, begin, blank) > 0) return { requests: headers.length, inserted, error: `a second traceparent in the request at byte ${begin}` };
    if (/^0+$/.test(match[1] ?? '') || ids.has(match[2]))
      return { requests: headers.length, inserted, error: `a trace context that is invalid or was used before: ${match[0]}` };
    ids.add(match[2]);
    inserted++;
    shift += INSERTED_LENGTH;
  }
  const error = same(sent.length) ?? (received.length === sent.length + shift ? undefined : `${received.length - sent.length - shift} bytes too many`);
  return { requests: headers.length, inserted, ...(error ? { error } : {}) };
}
