// SPDX-License-Identifier: Apache-2.0
/** IP addresses as text. Peers repeat, so what was formatted is kept. */
const KEPT = 4096;
const known = new Map<number, string>();

/** @param at offset of 16 bytes, IPv4 as ::ffff:a.b.c.d. */
export function formatAddress(bytes: Uint8Array, view: DataView, at: number): string {
  const mapped = view.getUint32(at, true) === 0 && view.getUint32(at + 4, true) === 0 && view.getUint32(at + 8, true) === 0xffff0000;
  if (!mapped) return formatV6(view, at);
  const key = view.getUint32(at + 12, true);
  let text = known.get(key);
  if (text === undefined) {
    text = `${bytes[at + 12]}.${bytes[at + 13]}.${bytes[at + 14]}.${bytes[at + 15]}`;
    if (known.size >= KEPT) known.clear();
    known.set(key, text);
  }
  return text;
}

/** RFC 5952: lower case, the longest run of at least two zero groups as `::`. */
function formatV6(view: DataView, at: number): string {
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(at + 2 * i, false));
  let best = { start: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && groups[i + length] === 0) length++;
    if (length > best.length) best = { start: i, length };
  }
  const hex = (part: number[]) => part.map((group) => group.toString(16)).join(':');
  if (best.start < 0) return hex(groups);
  return `${hex(groups.slice(0, best.start))}::${hex(groups.slice(best.start + best.length))}`;
}

/** As it stands in a URL: IPv6 in brackets, no port where it is the scheme's own. */
export function formatEndpoint(address: string, port: number, defaultPort: number): string {
  const host = address.includes(':') ? `[${address}]` : address;
  return port === defaultPort ? host : `${host}:${port}`;
}
