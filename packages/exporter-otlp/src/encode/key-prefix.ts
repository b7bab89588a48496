// SPDX-License-Identifier: Apache-2.0
/** The first bytes of a span's `attributes` field, up to the end of the key: encoded once per key, copied per span. */
import type { AttributeKey } from '@obi/core';
import { ByteBuffer } from './byte-buffer.js';
import { KeyValue, Span } from './span-fields.js';

export interface KeyPrefix {
  /**
   * Tag of the field, a zero where its length goes, then the `key` field: as little-endian words, so that the first one is
   * completed by or-ing the length in. The last word may reach beyond the key.
   */
  readonly words: Int32Array;
  /** The `key` field alone. */
  readonly key: DataView;
  /** Length of the `key` field in bytes. */
  readonly length: number;
}

const PREFIX = Symbol('obi.otlp.keyPrefix');
type Remembering = AttributeKey & { [PREFIX]?: KeyPrefix };
/** For keys that cannot remember: frozen ones. */
const frozenKeys = new WeakMap<AttributeKey, KeyPrefix>();

/** @returns the prefix of `key`. It is kept on the key itself: reading a property costs less than a look-up in a map. */
export function keyPrefix(key: AttributeKey): KeyPrefix {
  return (key as Remembering)[PREFIX] ?? frozenKeys.get(key) ?? encodeKey(key);
}

function encodeKey(key: AttributeKey): KeyPrefix {
  const out = new ByteBuffer(key.bytes.length + 8);
  out.byte(Span.ATTRIBUTES);
  out.byte(0);
  out.byte(KeyValue.KEY);
  out.varint(key.bytes.length);
  out.bytes.set(key.bytes, out.pos);
  out.pos += key.bytes.length;
  const words = new Int32Array(Math.ceil(out.pos / 4));
  for (let i = 0; i < words.length; i++) words[i] = out.view.getInt32(i * 4, true);
  const prefix: KeyPrefix = { words, key: new DataView(out.view.buffer, 2, out.pos - 2), length: out.pos - 2 };
  if (Object.isExtensible(key)) Object.defineProperty(key, PREFIX, { value: prefix });
  else frozenKeys.set(key, prefix);
  return prefix;
}
