// SPDX-License-Identifier: Apache-2.0
/** Growing bytes with the few protobuf primitives that OTLP needs. Allocates only when it grows. */

/** Wire types of protobuf, in the low three bits of a tag. */
export const Wire = { VARINT: 0, I64: 1, LEN: 2, I32: 5 } as const;

/** Tag of field `field`, for fields below 16: one byte. */
export const tag = (field: number, wire: number): number => (field << 3) | wire;

/** Bytes of `value` (0 ≤ value < 2^32) as a varint. */
export function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x200000) return 3;
  return value < 0x10000000 ? 4 : 5;
}

/** Longer strings are handed to the engine's own copy, where the cost of the call is small against that of the copy. */
export const LONG_STRING = 96;

const TWO_32 = 0x1_0000_0000;

/**
 * The caller calls `reserve` first, then writes; `SLACK` bytes beyond what was asked for are always there, so that copies
 * may run over in whole words.
 */
export class ByteBuffer {
  static readonly SLACK = 8;
  bytes: Buffer;
  view: DataView;
  /** Where the next byte goes. */
  pos = 0;
  private limit: number;

  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafeSlow(capacity + ByteBuffer.SLACK);
    this.view = new DataView(this.bytes.buffer);
    this.limit = capacity;
  }

  /** Bytes that fit without growing. */
  get capacity(): number {
    return this.limit;
  }

  /** Makes room for `size` bytes after `pos`. */
  reserve(size: number): void {
    if (this.pos + size > this.limit) this.grow(this.pos + size);
  }

  byte(value: number): void {
    this.bytes[this.pos++] = value;
  }

  /** 0 ≤ value < 2^32. */
  varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.bytes[this.pos++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.pos++] = rest;
  }

  /** A protobuf int64 (two's complement, ten bytes when negative). |value| ≤ 2^53. */
  int64(value: number): void {
    if (value >= 0 && value < TWO_32) {
      this.varint(value);
      return;
    }
    let low = value % TWO_32; // keeps the sign of value
    let high = (value - low) / TWO_32;
    if (low < 0) {
      low += TWO_32;
      high -= 1;
    }
    high >>>= 0; // two's complement of the upper half
    // 28 bits of the lower half, then the 4 that are left of it with what follows them.
    for (let i = 0; i < 4; i++) {
      this.bytes[this.pos++] = (low & 0x7f) | 0x80;
      low >>>= 7;
    }
    const middle = low | ((high & 0x7) << 4);
    const top = high >>> 3;
    if (top === 0) {
      this.bytes[this.pos++] = middle;
      return;
    }
    this.bytes[this.pos++] = middle | 0x80;
    this.varint(top);
  }

  double(value: number): void {
    this.view.setFloat64(this.pos, value, true);
    this.pos += 8;
  }

  fixed64(value: bigint): void {
    this.view.setBigUint64(this.pos, value, true);
    this.pos += 8;
  }

  /** Copies `source[start, end)`. */
  copy(source: DataView, start: number, end: number): void {
    const { view } = this;
    let to = this.pos;
    let from = start;
    for (; from + 4 <= end; from += 4, to += 4) view.setInt32(to, source.getInt32(from, true), true);
    for (; from < end; from++, to++) view.setUint8(to, source.getUint8(from));
    this.pos = to;
  }

  /**
   * Copies `value` if it is ASCII. @returns false, with `pos` as it was, when it is not.
   */
  ascii(value: string): boolean {
    const { bytes, pos } = this;
    const size = value.length;
    let seen = 0;
    for (let i = 0; i < size; i++) {
      const code = value.charCodeAt(i);
      seen |= code;
      bytes[pos + i] = code;
    }
    if (seen > 0x7f) return false;
    this.pos = pos + size;
    return true;
  }

  /** UTF-8 of `value` (lone surrogates become U+FFFD); `size` is `Buffer.byteLength(value)`. */
  utf8(value: string, size: number): void {
    this.bytes.write(value, this.pos, size, 'utf8');
    this.pos += size;
  }

  private grow(needed: number): void {
    let capacity = this.bytes.length * 2;
    while (capacity < needed + ByteBuffer.SLACK) capacity *= 2;
    const bytes = Buffer.allocUnsafeSlow(capacity);
    this.bytes.copy(bytes, 0, 0, this.pos);
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
    this.limit = capacity - ByteBuffer.SLACK;
  }
}
