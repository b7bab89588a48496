// SPDX-License-Identifier: Apache-2.0
/** Values of attributes for people and JSON, which knows no integers of 64 bits. */
import type { AttributeValue } from './process-resource.js';
import type { SpanValue } from './span-writer.js';

/** Integers become numbers; one that a number cannot hold is written out, as OTLP's own JSON does. */
export function plainValue(value: SpanValue): AttributeValue {
  if (typeof value === 'bigint') return plainInteger(value);
  if (typeof value === 'object') return value.map((item) => (typeof item === 'bigint' ? plainInteger(item) : item)) as AttributeValue;
  return value;
}

function plainInteger(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}
