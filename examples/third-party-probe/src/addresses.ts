// SPDX-License-Identifier: Apache-2.0
/** IP addresses of a record as text. */
import { SocketAddress } from 'node:net';

const KEPT = 4096;
const known = new Map<string, string>();

/** @param at offset of 16 bytes, IPv4 as ::ffff:a.b.c.d. Peers repeat, so what was formatted is kept. */
export function formatAddress(bytes: Uint8Array, at: number): string {
  const key = String.fromCharCode(...bytes.subarray(at, at + 16));
  let text = known.get(key);
  if (text === undefined) {
    const groups = Array.from({ length: 8 }, (_, i) => (((bytes[at + 2 * i] ?? 0) << 8) | (bytes[at + 2 * i + 1] ?? 0)).toString(16));
    // The shortest form of RFC 5952, by Node.
    text = new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address.replace(/^::ffff:(?=\d+\.)/, '');
    if (known.size >= KEPT) known.clear();
    known.set(key, text);
  }
  return text;
}
