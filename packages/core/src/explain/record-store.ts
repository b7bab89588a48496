// SPDX-License-Identifier: Apache-2.0
/** Keeps the records whose spans can be explained, and finds them again by the ids in them. */
import type { RecordTap } from '../pipeline/record-pump.js';
import type { CausePlaces } from '../probe/manifest.js';
import type { SpanDecoder } from '../probe/probe.js';
import type { RecordView } from '../span/span-writer.js';
import { RecordRing, type RingState } from './record-ring.js';

/** An event whose records say why their span has its parent. */
export interface ExplainableEvent {
  readonly probe: string;
  readonly struct: string;
  readonly places: CausePlaces;
  readonly decoder: SpanDecoder;
}

/** `record` is valid during the call only. */
export type Visit = (record: RecordView, event: ExplainableEvent) => void;

export class RecordStore implements RecordTap {
  readonly #ring: RecordRing;
  readonly #events: (ExplainableEvent | undefined)[][] = [];

  /** @param bytes that it may take, above 0. */
  constructor(bytes: number) {
    this.#ring = new RecordRing(bytes);
  }

  add(slot: number, kind: number, event: ExplainableEvent): void {
    this.#events[slot] ??= [];
    this.#events[slot][kind] = event;
  }

  record(_probe: string, _event: string, kind: number, record: RecordView): void {
    if (this.#events[record.view.getUint16(record.base, true)]?.[kind]) this.#ring.push(record);
  }

  state(): RingState {
    return this.#ring.state();
  }

  /** @param id 8 bytes: records of the span with this id; 16 bytes: of all spans of the trace. */
  find(id: Uint8Array, visit: Visit): void {
    const member = id.length === 8 ? 'spanId' : 'traceId';
    const words = new DataView(id.buffer, id.byteOffset, id.byteLength);
    this.each((record, event) => {
      if (isAt(record, record.base + event.places[member], words)) visit(record, event);
    });
  }

  each(visit: Visit): void {
    this.#ring.scan((record) => {
      const event = this.#events[record.view.getUint16(record.base, true)]?.[record.view.getUint16(record.base + 2, true)];
      if (event) visit(record, event);
      return false;
    });
  }
}

function isAt({ view }: RecordView, at: number, words: DataView): boolean {
  for (let i = 0; i < words.byteLength; i += 4) if (view.getUint32(at + i) !== words.getUint32(i)) return false;
  return true;
}
