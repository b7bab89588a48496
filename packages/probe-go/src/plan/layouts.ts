// SPDX-License-Identifier: Apache-2.0
/** What differs between versions of Go's runtime, by minor version. tools/offsets.mjs holds it against the DWARF of each release. */
import type { RouterPlaces } from '../binary/router-sites.js';

export interface Layout {
  /** runtime.m.curg */
  readonly curg: number;
  /** runtime.hchan.elemtype */
  readonly elemtype: number;
  /** net/http.Request.ctx */
  readonly requestContext: number;
}

export const LAYOUTS: Readonly<Record<number, Layout>> = {
  18: { curg: 192, elemtype: 32, requestContext: 232 },
  19: { curg: 192, elemtype: 32, requestContext: 232 },
  20: { curg: 192, elemtype: 32, requestContext: 232 },
  21: { curg: 192, elemtype: 32, requestContext: 232 },
  22: { curg: 192, elemtype: 32, requestContext: 232 },
  23: { curg: 192, elemtype: 40, requestContext: 248 },
  24: { curg: 192, elemtype: 40, requestContext: 248 },
  25: { curg: 184, elemtype: 40, requestContext: 248 },
  26: { curg: 184, elemtype: 40, requestContext: 248 },
  27: { curg: 184, elemtype: 40, requestContext: 248 },
};
export const OLDEST = 18;
export const NEWEST = 27;

/** Methods by whose addresses types are known. */
export type Landmark = 'tcpClose' | 'bufferWrite' | 'batchWrite';
/** Addresses in the process; 0: it has no such type. Those of writers are 0 also where nothing is to be written into the process. */
export type Landmarks = Readonly<Record<Landmark, bigint>>;

/** What `struct go_settings` in bpf/go.h says of a program, beside its layout. */
export interface Settings extends RouterPlaces {
  readonly pools: boolean;
  readonly landmarks: Landmarks;
  /** Programs hang on crypto/tls already. */
  readonly tls: boolean;
}

export function settingsBytes({ curg, elemtype, requestContext }: Layout, { pools, landmarks, tls, oldPattern, ginValue, chiContext }: Settings): Buffer {
  const bytes = Buffer.alloc(56);
  bytes.writeUInt32LE(curg, 0);
  bytes.writeUInt32LE(elemtype, 4);
  bytes.writeUInt32LE(pools ? 1 : 0, 8);
  bytes.writeUInt32LE(tls ? 1 : 0, 12);
  bytes.writeBigUInt64LE(landmarks.tcpClose, 16);
  bytes.writeBigUInt64LE(landmarks.bufferWrite, 24);
  bytes.writeBigUInt64LE(landmarks.batchWrite, 32);
  bytes.writeUInt32LE(requestContext, 40);
  bytes.writeUInt32LE(oldPattern, 44);
  bytes.writeUInt32LE(ginValue, 48);
  bytes.writeUInt32LE(chiContext, 52);
  return bytes;
}
