// SPDX-License-Identifier: Apache-2.0
/** Resource and scope of a batch: encoded once per process, so written for readers rather than for speed. */
import type { AttributeValue, ProcessResource } from '@obi/core';
import { AnyValue, ArrayValue, KeyValue, Resource, ResourceSpans, Scope, ScopeSpans } from './span-fields.js';

/** The `resource` field of a ResourceSpans message, tag and length included. */
export function encodeResource(resource: ProcessResource): Buffer {
  const attributes = Object.entries(resource.attributes).map(([key, value]) =>
    message(Resource.ATTRIBUTES, message(KeyValue.KEY, Buffer.from(key)), message(KeyValue.VALUE, encodeAnyValue(value))),
  );
  return message(ResourceSpans.RESOURCE, ...attributes);
}

/** The `scope` field of a ScopeSpans message, tag and length included. */
export function encodeScope(name: string, version: string): Buffer {
  return message(ScopeSpans.SCOPE, message(Scope.NAME, Buffer.from(name)), message(Scope.VERSION, Buffer.from(version)));
}

function encodeAnyValue(value: AttributeValue): Buffer {
  if (typeof value === 'string') return message(AnyValue.STRING, Buffer.from(value));
  if (typeof value === 'boolean') return Buffer.from([AnyValue.BOOL, value ? 1 : 0]);
  if (typeof value === 'object') {
    return message(AnyValue.ARRAY, ...value.map((item) => message(ArrayValue.VALUES, encodeAnyValue(item))));
  }
  if (Number.isSafeInteger(value)) return Buffer.from([AnyValue.INT, ...varint(BigInt.asUintN(64, BigInt(value)))]);
  const double = Buffer.alloc(9, AnyValue.DOUBLE);
  double.writeDoubleLE(value, 1);
  return double;
}

function message(fieldTag: number, ...parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([fieldTag, ...varint(BigInt(length))]), ...parts]);
}

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return bytes;
}
