// SPDX-License-Identifier: Apache-2.0
/** JSON of which nothing is believed: each member is asked for by its type. Members that are missing have their type's zero, as in protobuf's JSON. */

/** What is wrong, as a few words. */
export class Malformed extends Error {}

export type JsonObject = Readonly<Record<string, unknown>>;

export const isRecord = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Nanoseconds since 1970 have more digits than a number: they stay the digits that stand there. @throws Malformed */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text, keepNanos as (key: string, value: unknown) => unknown);
  } catch (error) {
    // The message would repeat the text.
    throw new Malformed(error instanceof SyntaxError ? 'no JSON' : String(error));
  }
}

const keepNanos = (key: string, value: unknown, context: { readonly source?: string }): unknown =>
  typeof value === 'number' && key.endsWith('UnixNano') ? context.source : value;

export function objectOf(value: unknown, what: string): JsonObject {
  if (!isRecord(value)) throw new Malformed(`${what} is no object`);
  return value;
}

export function listOf(parent: JsonObject, key: string): readonly unknown[] {
  const value = parent[key] ?? [];
  if (!Array.isArray(value)) throw new Malformed(`${key} is no list`);
  return value;
}

export function textOf(parent: JsonObject, key: string): string {
  const value = parent[key] ?? '';
  if (typeof value !== 'string') throw new Malformed(`${key} is no text`);
  return value;
}

export function uint32Of(parent: JsonObject, key: string): number {
  const value = parent[key] ?? 0;
  if (typeof value !== 'number' || value !== value >>> 0) throw new Malformed(`${key} is no count`);
  return value;
}

/** See {@link parseJson}. */
export function unixNanoOf(parent: JsonObject, key: string): bigint {
  const value = parent[key] ?? '0';
  if (typeof value !== 'string' || !/^\d{1,20}$/.test(value)) throw new Malformed(`${key} is no time`);
  const nanos = BigInt(value);
  if (BigInt.asUintN(64, nanos) !== nanos) throw new Malformed(`${key} is no time`);
  return nanos;
}
