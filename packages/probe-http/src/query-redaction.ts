// SPDX-License-Identifier: Apache-2.0
/** Hides the values of query parameters that are credentials, as the conventions ask for `url.query` and `url.full`. */

/** Named by the semantic conventions. */
export const SENSITIVE_PARAMETERS: readonly string[] = [
  'X-Amz-Signature',
  'X-Amz-Credential',
  'X-Amz-Security-Token',
  'AWSAccessKeyId',
  'Signature',
  'sig',
  'X-Goog-Signature',
];

const AMPERSAND = 0x26;
const PERCENT = 0x25;
const PLUS = 0x2b;
const EQUALS = 0x3d;
const NON_ASCII = 0x80;

export class QueryRedaction {
  readonly #names: ReadonlySet<string>;
  /** Length and first letter of each of the names. */
  readonly #shapes: ReadonlySet<number>;

  constructor(changes: { readonly add: readonly string[]; readonly remove: readonly string[] }) {
    const removed = new Set(changes.remove.map((name) => name.toLowerCase()));
    this.#names = new Set([...SENSITIVE_PARAMETERS, ...changes.add].map((name) => name.toLowerCase()).filter((name) => !removed.has(name)));
    this.#shapes = new Set([...this.#names].map((name) => shape(name.length, name.charCodeAt(0))));
  }

  /** False: {@link redact} would change nothing in the query `bytes[start, end)`. Makes no string, unlike it. */
  mayChange(bytes: Uint8Array, start: number, end: number): boolean {
    for (let i = start, name = start; i < end; i++) {
      const byte = bytes[i] ?? 0;
      if (byte === AMPERSAND) name = i + 1;
      else if (byte === EQUALS && name >= 0) {
        if (this.#shapes.has(shape(i - name, bytes[name] ?? 0))) return true;
        name = -1; // in a value
      } else if (name >= 0 && (byte === PERCENT || byte === PLUS || byte >= NON_ASCII)) return true;
    }
    return false;
  }

  /** @param query without `?`. @returns the same string when nothing in it is sensitive. */
  redact(query: string): string {
    if (!query.includes('=')) return query;
    return query
      .split('&')
      .map((pair) => {
        const equals = pair.indexOf('=');
        return equals >= 0 && this.#names.has(decodeName(pair.slice(0, equals))) ? `${pair.slice(0, equals)}=REDACTED` : pair;
      })
      .join('&');
  }
}

const shape = (length: number, first: number): number => (length << 8) | first | 0x20;

/** Parameter names are compared without case and percent-encoding, so that neither hides one. */
function decodeName(name: string): string {
  const plain = name.replaceAll('+', ' ').toLowerCase();
  if (!plain.includes('%')) return plain;
  try {
    return decodeURIComponent(plain).toLowerCase();
  } catch {
    return plain; // not valid percent-encoding: nothing that a server would take for one of ours
  }
}
