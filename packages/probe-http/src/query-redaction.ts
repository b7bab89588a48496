// SPDX-License-Identifier: Apache-2.0
/** Hides the values of query parameters that are credentials, as the conventions ask for `url.query` and `url.full`. */

/** Named by the semantic conventions. */
export const SENSITIVE_PARAMETERS: readonly string[] = ['AWSAccessKeyId', 'Signature', 'sig', 'X-Goog-Signature'];

export class QueryRedaction {
  readonly #names: ReadonlySet<string>;

  constructor(changes: { readonly add: readonly string[]; readonly remove: readonly string[] }) {
    const removed = new Set(changes.remove.map((name) => name.toLowerCase()));
    this.#names = new Set([...SENSITIVE_PARAMETERS, ...changes.add].map((name) => name.toLowerCase()).filter((name) => !removed.has(name)));
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

/** Parameter names are compared without case and percent-encoding, so that neither hides one. */
function decodeName(name: string): string {
  if (!name.includes('%')) return name.toLowerCase();
  try {
    return decodeURIComponent(name).toLowerCase();
  } catch {
    return name.toLowerCase(); // not valid percent-encoding: nothing that a server would take for one of ours
  }
}
