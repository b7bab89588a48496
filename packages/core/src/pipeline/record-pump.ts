// SPDX-License-Identifier: Apache-2.0
/** Hands each record of a drained batch to the decoder of the probe that wrote it. */
import { probeDecoder } from '../errors.js';
import type { RecordView, SpanWriter } from '../span/span-writer.js';

/** struct obi_event_hdr (bpf/include/obi/event.bpf.h) */
const HEADER_BYTES = 8;
/** u32 length, u32 zero before each record of a batch (kernel.ts) */
const PREFIX_BYTES = 8;

export interface RecordSink {
  /** Name of the event's struct, for messages. */
  readonly event: string;
  /** Smallest valid length, header included. */
  readonly minSize: number;
  handle(record: RecordView): void;
  /** The decoder's own. */
  readonly counters?: Readonly<Record<string, number>> | undefined;
}

/** Gets the records as they come from the kernel: a span writer that wants them too (`obi record`), or what {@link RecordPump.tap} was given. */
export interface RecordTap {
  /** Called before the decoder, for every record that one gets. Keeps nothing of `record` itself, and does not throw. */
  record(probe: string, event: string, kind: number, record: RecordView): void;
}
const isTap = (writer: SpanWriter): writer is SpanWriter & RecordTap => 'record' in writer;

/** What went wrong with the records of one probe. */
export interface SinkFaults {
  /** Shorter than their struct. */
  short: number;
  /** Of a kind that the probe does not know. */
  unknown: number;
  /** The decoder threw. */
  thrown: number;
}

interface Slot {
  readonly name: string;
  readonly byKind: (RecordSink | undefined)[];
  readonly faults: SinkFaults;
}

/** The one record view there is: decoders read it during the call. */
class BatchView implements RecordView {
  view: DataView = new DataView(new ArrayBuffer(0));
  bytes: Uint8Array = new Uint8Array(0);
  base = 0;
  length = 0;
}

export class RecordPump {
  readonly #slots: (Slot | undefined)[] = [];
  readonly #record = new BatchView();
  readonly #writer: SpanWriter;
  readonly #taps: RecordTap[] = [];
  readonly #report: (probe: string, what: string, error?: unknown) => void;
  /** Records whose slot has no probe; cannot happen unless the kernel side is not ours. */
  strays = 0;
  records = 0;

  /** @param report called once per probe and kind of fault; `error` is an ObiError OBI_ERR_PROBE_DECODER when its decoder threw. */
  constructor(writer: SpanWriter, report: (probe: string, what: string, error?: unknown) => void) {
    this.#writer = writer;
    if (isTap(writer)) this.#taps.push(writer);
    this.#report = report;
  }

  add(slot: number, name: string, kind: number, sink: RecordSink): void {
    this.#slots[slot] ??= { name, byKind: [], faults: { short: 0, unknown: 0, thrown: 0 } };
    this.#slots[slot].byKind[kind] = sink;
  }

  /** From now on this gets every record that a decoder gets, too. */
  tap(tap: RecordTap): void {
    this.#taps.push(tap);
  }

  faults(): Record<string, SinkFaults> {
    return Object.fromEntries(this.#slots.flatMap((slot) => (slot ? [[slot.name, { ...slot.faults }]] : [])));
  }

  /** Probe → counter of its decoders → value; those that stand at 0 are left out. */
  counters(): Record<string, Record<string, number>> {
    const counted: Record<string, Record<string, number>> = {};
    for (const slot of this.#slots) {
      const counts = (slot?.byKind ?? []).flatMap((sink) => Object.entries(sink?.counters ?? {})).filter(([, value]) => value > 0);
      if (slot && counts.length > 0) counted[slot.name] = Object.fromEntries(counts);
    }
    return counted;
  }

  /** `batch[0, used)` as the ring reader delivers it. Never throws. */
  readonly push = (batch: Buffer, used: number): void => {
    const record = this.#record;
    if (record.bytes.buffer !== batch.buffer || record.bytes.byteOffset !== batch.byteOffset) {
      record.bytes = batch;
      record.view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
    }
    for (let at = 0; at + PREFIX_BYTES <= used; ) {
      record.length = record.view.getUint32(at, true);
      record.base = at + PREFIX_BYTES;
      this.#dispatch(record);
      at = record.base + ((record.length + 7) & ~7);
    }
  };

  #dispatch(record: RecordView): void {
    this.records++;
    const slot = record.length >= HEADER_BYTES ? this.#slots[record.view.getUint16(record.base, true)] : undefined;
    if (!slot) {
      this.strays++;
      return;
    }
    const kind = record.view.getUint16(record.base + 2, true);
    const sink = slot.byKind[kind];
    if (!sink) {
      this.#fault(slot, 'unknown', 'sent a record of a kind that it does not declare');
    } else if (record.length < sink.minSize) {
      this.#fault(slot, 'short', 'sent a record shorter than its struct');
    } else {
      for (let tap = 0; tap < this.#taps.length; tap++) this.#taps[tap]?.record(slot.name, sink.event, kind, record);
      try {
        sink.handle(record);
      } catch (error) {
        this.#writer.discard();
        this.#fault(slot, 'thrown', 'its decoder failed', () => probeDecoder(slot.name, sink.event, error));
      }
    }
  }

  #fault(slot: Slot, kind: keyof SinkFaults, what: string, error?: () => unknown): void {
    if (slot.faults[kind]++ === 0) this.#report(slot.name, what, error?.());
  }
}
