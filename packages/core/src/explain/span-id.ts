// SPDX-License-Identifier: Apache-2.0
/** What people have in hand when they ask: a trace id, a span id, or a whole `traceparent`. */
import { explainId } from '../errors.js';

export interface WantedId {
  readonly kind: 'trace' | 'span';
  /** Lower-case hexadecimal digits, 32 or 16. */
  readonly hex: string;
}

/** Case, spaces around it and dashes inside (a UUID) do not matter; of a `traceparent` field the span is meant. @throws ObiError OBI_ERR_EXPLAIN_ID */
export function parseId(text: string): WantedId {
  const plain = text.trim().toLowerCase();
  const [, field] = /^[0-9a-f]{2}-[0-9a-f]{32}-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(plain) ?? [];
  const hex = field ?? plain.replaceAll('-', '');
  if (/[^0-9a-f]/.test(hex) || (hex.length !== 16 && hex.length !== 32)) throw explainId(text, 'is no id');
  if (/^0+$/.test(hex)) throw explainId(text, 'stands for no span');
  return { kind: hex.length === 16 ? 'span' : 'trace', hex };
}
