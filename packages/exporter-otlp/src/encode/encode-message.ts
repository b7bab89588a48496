// SPDX-License-Identifier: Apache-2.0
/** Messages of OTLP as buffers of their own: for what is encoded once per process, or seldom. Written for readers rather than for speed. */
import type { SpanAttributes, SpanValue } from '@obi/core/probe';
import { AnyValue, ArrayValue, KeyValue } from './span-fields.js';

/** A field that holds a message, or bytes: tag and length included. */
export function message(fieldTag: number, ...parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([varintField(fieldTag, BigInt(length)), ...parts]);
}

export const text = (fieldTag: number, value: string): Buffer => message(fieldTag, Buffer.from(value));

/** A count or length; a negative one is none of these. */
export const varintField = (fieldTag: number, value: bigint): Buffer => Buffer.from([fieldTag, ...varint(value)]);

/** A count that proto3 leaves out when it is 0. */
export const countField = (fieldTag: number, value: number): Buffer => (value === 0 ? Buffer.alloc(0) : varintField(fieldTag, BigInt(value)));

/** The `attributes` fields of a message. */
export const attributeFields = (fieldTag: number, attributes: SpanAttributes): Buffer[] =>
  attributes.map(([name, value]) => message(fieldTag, text(KeyValue.KEY, name), message(KeyValue.VALUE, encodeAnyValue(value))));

function encodeAnyValue(value: SpanValue): Buffer {
  if (typeof value === 'string') return text(AnyValue.STRING, value);
  if (typeof value === 'boolean') return Buffer.from([AnyValue.BOOL, value ? 1 : 0]);
  if (typeof value === 'bigint') return varintField(AnyValue.INT, BigInt.asUintN(64, value));
  if (typeof value === 'object') return message(AnyValue.ARRAY, ...value.map((item) => message(ArrayValue.VALUES, encodeAnyValue(item))));
  const double = Buffer.alloc(9, AnyValue.DOUBLE);
  double.writeDoubleLE(value, 1);
  return double;
}

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return bytes;
}
