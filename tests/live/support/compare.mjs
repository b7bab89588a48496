// SPDX-License-Identifier: Apache-2.0
// What a whole run of the raw client did to the streams.
import { difference } from './wire.mjs';

/**
 * @param {readonly Buffer[]} sent @param {readonly Buffer[]} received by connection
 * @returns {{ requests: number, inserted: number, broken: string[] }} broken: of each connection that is not what it has to be, why
 */
export function compare(sent, received) {
  const total = { requests: 0, inserted: 0, broken: /** @type {string[]} */ ([]) };
  if (sent.length !== received.length) total.broken.push(`${received.length} connections, not ${sent.length}`);
  for (const [n, bytes] of sent.entries()) {
    const { requests, inserted, error } = difference(bytes, received[n] ?? Buffer.alloc(0));
    total.requests += requests;
    total.inserted += inserted;
    if (error) total.broken.push(`connection ${n}: ${error}`);
  }
  return total;
}
