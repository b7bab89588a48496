// SPDX-License-Identifier: Apache-2.0
/** The route by which the program's own router has served a request, as a record has it: behind the request line. */
import type { RecordView } from '@obi/core/probe';
import { httpExchangeEvent as event } from './generated/http.events.js';

const utf8 = new TextDecoder();
const SLASH = 0x2f;
/** What parameters and wildcards begin with: `{id}`, `:id`, `*path`. */
const VARIABLES: ReadonlySet<number> = new Set([0x7b, 0x3a, 0x2a]);

/**
 * Method and host in front of the path (net/http's patterns) are no part of it.
 * @param path of the request, in the record's bytes @returns undefined when none is known, or one that cannot be the whole: the path begins otherwise (a part
 * of it was taken off before the router saw it, or it is written with escapes)
 */
export function routerRoute(
  { bytes, view, base, length }: RecordView,
  at: number,
  path: { readonly pathStart: number; readonly pathEnd: number },
): string | undefined {
  const told = event.routeLen(view, base);
  const end = at + told;
  if (told === 0 || end > base + length) return undefined;
  let start = at;
  while (start < end && bytes[start] !== SLASH) start++;
  for (let i = start, j = path.pathStart; i < end && !VARIABLES.has(bytes[i] ?? 0); i++, j++) if (j >= path.pathEnd || bytes[i] !== bytes[j]) return undefined;
  return start < end ? utf8.decode(bytes.subarray(start, end)) : undefined;
}
