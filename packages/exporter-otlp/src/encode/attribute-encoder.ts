// SPDX-License-Identifier: Apache-2.0
/**
 * Writes one `attributes` field of a span: KeyValue { key, AnyValue { … } }. Lengths are known before the bytes are written,
 * so that nothing is moved afterwards; the only objects made are for text outside ASCII. Positions are kept in local
 * variables and bytes written in words, which is worth a factor of two (bench/encode.mjs).
 */
import { isUtf8 } from 'node:buffer';
import { type ByteBuffer, LONG_STRING, varintSize } from './byte-buffer.js';
import type { KeyPrefix } from './key-prefix.js';
import { AnyValue, KeyValue, Span } from './span-fields.js';

/** Room for all tags and lengths of one attribute, and for the last word of the key to run over. */
const OVERHEAD = 32;
const HIGH_BITS = 0x80808080 | 0;
/** Lengths below this take one byte. */
const ONE_BYTE = 0x80;

const replacing = new TextDecoder('utf-8', { ignoreBOM: true });

export function writeStringAttribute(out: ByteBuffer, key: KeyPrefix, value: string): void {
  const size = value.length;
  if (size <= LONG_STRING) {
    out.reserve(key.length + OVERHEAD + size);
    const start = out.pos;
    writeStringHead(out, key, size);
    if (out.ascii(value)) return;
    out.pos = start;
  }
  writeEncodedString(out, key, value);
}

/** `source` is a view on `bytes`. */
export function writeTextAttribute(out: ByteBuffer, key: KeyPrefix, bytes: Uint8Array, source: DataView, from: number, to: number): void {
  const size = to - from;
  out.reserve(key.length + OVERHEAD + size);
  const start = out.pos;
  writeStringHead(out, key, size);
  const seen = size < 4 ? copyBytes(out, source, from, to) : copyWords(out, source, from, to);
  if ((seen & HIGH_BITS) === 0) return;
  const text = bytes.subarray(from, to);
  if (isUtf8(text)) return;
  out.pos = start;
  writeEncodedString(out, key, replacing.decode(text));
}

export function writeIntAttribute(out: ByteBuffer, key: KeyPrefix, value: number): void {
  if (value === value >>> 0) {
    out.reserve(key.length + OVERHEAD);
    writeHead(out, key, AnyValue.INT, varintSize(value));
    out.varint(value);
  } else if (Number.isSafeInteger(value)) {
    writeLargeInt(out, key, value);
  } else {
    writeDoubleAttribute(out, key, value); // not an integer: say what it is rather than cut it
  }
}

export function writeBoolAttribute(out: ByteBuffer, key: KeyPrefix, value: boolean): void {
  out.reserve(key.length + OVERHEAD);
  writeHead(out, key, AnyValue.BOOL, 1);
  out.byte(value ? 1 : 0);
}

export function writeDoubleAttribute(out: ByteBuffer, key: KeyPrefix, value: number): void {
  out.reserve(key.length + OVERHEAD);
  writeHead(out, key, AnyValue.DOUBLE, 8);
  out.double(value);
}

/** Everything before the value's own bytes: key, tag of the AnyValue, and tag `valueTag` within it. */
function writeHead(out: ByteBuffer, key: KeyPrefix, valueTag: number, size: number): void {
  const any = 1 + size;
  const pos = writeKey(out, key, 1 + varintSize(any) + any);
  if (any < ONE_BYTE) {
    out.view.setInt32(pos, KeyValue.VALUE | (any << 8) | (valueTag << 16), true);
    out.pos = pos + 3;
  } else {
    out.pos = pos;
    out.byte(KeyValue.VALUE);
    out.varint(any);
    out.byte(valueTag);
  }
}

/** As `writeHead`, with the length that strings have in addition. */
function writeStringHead(out: ByteBuffer, key: KeyPrefix, size: number): void {
  const any = 1 + varintSize(size) + size;
  const pos = writeKey(out, key, 1 + varintSize(any) + any);
  if (any < ONE_BYTE) {
    out.view.setInt32(pos, KeyValue.VALUE | (any << 8) | (AnyValue.STRING << 16) | (size << 24), true);
    out.pos = pos + 4;
  } else {
    out.pos = pos;
    out.byte(KeyValue.VALUE);
    out.varint(any);
    out.byte(AnyValue.STRING);
    out.varint(size);
  }
}

/** Tag and length of the field, and its key. @param valueSize size of the `value` field @returns where that one goes */
function writeKey(out: ByteBuffer, key: KeyPrefix, valueSize: number): number {
  const size = key.length + valueSize;
  if (size >= ONE_BYTE) {
    out.byte(Span.ATTRIBUTES);
    out.varint(size);
    out.copy(key.key, 0, key.length);
    return out.pos;
  }
  const { view, pos } = out;
  const { words } = key;
  view.setInt32(pos, (words[0] as number) | (size << 8), true);
  for (let i = 1, to = pos + 4; i < words.length; i++, to += 4) view.setInt32(to, words[i] as number, true);
  return pos + 2 + key.length;
}

/** Copies four bytes or more; the last word overlaps the one before. @returns all words or-ed together. */
function copyWords(out: ByteBuffer, source: DataView, from: number, to: number): number {
  const { view, pos } = out;
  const last = to - from - 4;
  let seen = source.getInt32(from + last, true);
  view.setInt32(pos + last, seen, true);
  for (let i = 0; i < last; i += 4) {
    const word = source.getInt32(from + i, true);
    seen |= word;
    view.setInt32(pos + i, word, true);
  }
  out.pos = pos + last + 4;
  return seen;
}

function copyBytes(out: ByteBuffer, source: DataView, from: number, to: number): number {
  let seen = 0;
  for (let at = from; at < to; at++) {
    const byte = source.getUint8(at);
    seen |= byte;
    out.byte(byte);
  }
  return seen;
}

/** The general way: any string, its size in UTF-8 counted first. */
function writeEncodedString(out: ByteBuffer, key: KeyPrefix, value: string): void {
  const size = Buffer.byteLength(value, 'utf8');
  out.reserve(key.length + OVERHEAD + size);
  writeStringHead(out, key, size);
  out.utf8(value, size);
}

/** Negative ones take ten bytes, those above 2^32 as many as they need: written first, measured afterwards. */
function writeLargeInt(out: ByteBuffer, key: KeyPrefix, value: number): void {
  out.reserve(key.length + OVERHEAD);
  const start = out.pos;
  out.int64(value);
  const size = out.pos - start;
  out.pos = start;
  writeHead(out, key, AnyValue.INT, size);
  out.int64(value);
}
