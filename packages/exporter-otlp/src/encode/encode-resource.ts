// SPDX-License-Identifier: Apache-2.0
/** Resource and scope of a batch: encoded once per process. */
import type { AttributeValue, ProcessResource, SpanValue } from '@obi/core';
import { attributeFields, message, text } from './encode-message.js';
import { Resource, ResourceSpans, Scope, ScopeSpans } from './span-fields.js';

/** The `resource` field of a ResourceSpans message, tag and length included. */
export function encodeResource(resource: ProcessResource): Buffer {
  const attributes = Object.entries(resource.attributes).map(([name, value]) => [name, spanValue(value)] as const);
  return message(ResourceSpans.RESOURCE, ...attributeFields(Resource.ATTRIBUTES, attributes));
}

/** The `scope` field of a ScopeSpans message, tag and length included. */
export function encodeScope(name: string, version: string): Buffer {
  return message(ScopeSpans.SCOPE, text(Scope.NAME, name), text(Scope.VERSION, version));
}

/** Numbers of a resource are integers where they can be. */
function spanValue(value: AttributeValue): SpanValue {
  if (typeof value !== 'object') return typeof value === 'number' ? numberValue(value) : value;
  return value.map((item) => (typeof item === 'number' ? numberValue(item) : item));
}

const numberValue = (value: number): bigint | number => (Number.isSafeInteger(value) ? BigInt(value) : value);
