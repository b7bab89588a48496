// SPDX-License-Identifier: Apache-2.0
/** Records of random bytes with a valid length: what a decoder must survive. The same in every run. */

import { viewOf } from '../elf/elf-file.js';
import type { ExportedEvent } from '../events/event-exports.js';
import type { Field } from '../events/layout.js';

/** A third all random, a third mostly zero, a third mostly 0xff: lengths and codes at their ends. Header kind and length are right, as core checked them. */
export function* fuzzedRecords(event: ExportedEvent, count: number, seed = 1): Generator<Uint8Array> {
  const random = congruential(seed);
  for (let index = 0; index < count; index++) {
    const length = index % 4 === 0 ? event.size : index % 4 === 1 ? event.minSize : event.minSize + Math.floor(random() * (event.size - event.minSize + 1));
    const record = new Uint8Array(length);
    const style = index % 3;
    for (let at = 0; at < length; at++) record[at] = style === 0 || random() < 0.1 ? Math.floor(random() * 256) : style === 1 ? 0 : 0xff;
    put(record, event.fields, 'hdr.kind', event.kind);
    put(record, event.fields, 'hdr.len', length);
    yield record;
  }
}

function put(record: Uint8Array, fields: readonly Field[], path: string, value: number): void {
  const field = fields.find((candidate) => candidate.path === path);
  if (field === undefined) return;
  if (field.size === 2) viewOf(record).setUint16(field.offset, value, true);
  if (field.size === 4) viewOf(record).setUint32(field.offset, value, true);
}

/** `Math.random` cannot be seeded. A linear congruential generator; its low bits are poor, so that the value comes from the high ones. */
function congruential(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) / 2 ** 24;
  };
}
