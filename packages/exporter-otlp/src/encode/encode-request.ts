// SPDX-License-Identifier: Apache-2.0
/** Puts batches of encoded spans into one ExportTraceServiceRequest. */
import type { BodyPool } from './body-pool.js';
import { varintSize } from './byte-buffer.js';
import type { ResourceBatch } from './resource-batch.js';
import { Request, ResourceSpans } from './span-fields.js';

/** @returns the request's bytes, in a buffer of exactly their length from `pool`. */
export function encodeRequest(batches: readonly ResourceBatch[], scope: Uint8Array, pool: BodyPool): Buffer {
  let total = 0;
  for (const batch of batches) total += fieldSize(resourceSpansSize(batch, scope));
  const bytes = pool.take(total);
  let pos = 0;
  for (const batch of batches) {
    pos = writeHeader(bytes, pos, Request.RESOURCE_SPANS, resourceSpansSize(batch, scope));
    if (batch.header !== undefined) pos += batch.header.copy(bytes, pos);
    pos = writeHeader(bytes, pos, ResourceSpans.SCOPE_SPANS, scope.length + batch.committed);
    bytes.set(scope, pos);
    pos += scope.length;
    pos += batch.out.bytes.copy(bytes, pos, 0, batch.committed);
  }
  return bytes;
}

/** Size of the body of a ResourceSpans message. */
function resourceSpansSize(batch: ResourceBatch, scope: Uint8Array): number {
  return (batch.header?.length ?? 0) + fieldSize(scope.length + batch.committed);
}

/** Size of a field with a one-byte tag and a body of `length` bytes. */
const fieldSize = (length: number): number => 1 + varintSize(length) + length;

function writeHeader(bytes: Buffer, at: number, fieldTag: number, length: number): number {
  let pos = at;
  bytes[pos++] = fieldTag;
  let rest = length;
  for (; rest >= 0x80; rest >>>= 7) bytes[pos++] = (rest & 0x7f) | 0x80;
  bytes[pos++] = rest;
  return pos;
}
