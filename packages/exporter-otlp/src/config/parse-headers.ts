// SPDX-License-Identifier: Apache-2.0
/** `OTEL_EXPORTER_OTLP_HEADERS`: `key=value` pairs with commas between them, values URL-encoded. */
import { validateHeaderName, validateHeaderValue } from 'node:http';

/** @throws with a reason that does not repeat the value, since headers carry secrets. */
export function parseHeaders(text: string): Record<string, string> {
  const headers: Record<string, string> = {};
  const pairs = text.split(',').filter((pair) => pair.trim() !== '');
  for (const [index, pair] of pairs.entries()) {
    const equals = pair.indexOf('=');
    // By its number only: what has no name may be a piece of a secret with a comma in it.
    if (equals < 1) {
      throw new Error(
        `has no "name=" in entry ${index + 1} of ${pairs.length}; write name=value pairs with commas between them, and a comma in a value as %2C`,
      );
    }
    const name = pair.slice(0, equals).trim().toLowerCase();
    const value = decode(name, pair.slice(equals + 1).trim());
    check(name, value);
    headers[name] = value;
  }
  return headers;
}

function decode(name: string, value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    throw new Error(`has a value for "${name}" that is not URL-encoded right; write "%" as "%25"`);
  }
}

function check(name: string, value: string): void {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  } catch {
    throw new Error(`has a header "${name}" that HTTP does not allow`);
  }
}
