// SPDX-License-Identifier: Apache-2.0
/** Runs records through a probe's decoders outside of obi. */
import type { Container, EventBinding, ProbeDefinition, RecordView, SpanDecoder } from '@obi/core';
import { bytesOf, type RecordedEvent } from './recorded-event.js';
import { type RecordedSpan, type RecordingOptions, RecordingSpanWriter } from './recording-span-writer.js';
import { testContainer } from './test-container.js';

/** A definition, whatever its configuration type is. */
export type ProbeCore = Pick<ProbeDefinition, 'id' | 'api' | 'attach' | 'events'>;

/** Where decoders come from: core's container, or anything with its `resolve`. */
export interface Resolver {
  resolve: Container['resolve'];
}

/** Bytes before the record, so that a decoder that forgets `record.base` is found out. */
const LEAD = 24;

/**
 * Decodes `records` in order, with one decoder instance per event struct, and returns the spans written.
 * Plain bytes are taken for the only event of the definition; with more than one event pass {@link RecordedEvent}s.
 * @param container resolves decoders and their dependencies; default {@link testContainer}. @param options of the writer.
 * @throws Error for a record that is too short (obi counts and drops such records), or what a decoder throws.
 */
export function replay(
  definition: ProbeCore,
  records: readonly (Uint8Array | RecordedEvent)[],
  container: Resolver = testContainer(),
  options: RecordingOptions = {},
): RecordedSpan[] {
  const writer = new RecordingSpanWriter(options);
  const decoders = new Map<string, SpanDecoder>();
  for (const record of records) {
    const struct = record instanceof Uint8Array ? onlyEvent(definition) : record.struct;
    const binding = bindingOf(definition, struct);
    const bytes = record instanceof Uint8Array ? record : bytesOf(record);
    if (bytes.length < binding.minSize)
      throw new Error(`probe ${definition.id}: a ${struct} of ${bytes.length} bytes is shorter than the smallest valid one, ${binding.minSize}`);
    const decoder = decoders.get(struct) ?? container.resolve(binding.decoder);
    decoders.set(struct, decoder);
    decodeInto(decoder, bytes, writer, struct);
  }
  return writer.spans;
}

/** Hands one record to `decoder`. @throws Error when it leaves a span open, or what it throws itself. */
export function decodeInto(decoder: SpanDecoder, bytes: Uint8Array, writer: RecordingSpanWriter, struct: string): void {
  decoder.decode(recordView(bytes), writer);
  if (writer.isOpen) throw new Error(`the decoder of ${struct} returned without end or discard`);
}

/** `bytes` as a decoder gets them: in a larger buffer, not at its start. The record ends where the buffer ends, so that reading on throws. */
export function recordView(bytes: Uint8Array): RecordView {
  const buffer = new Uint8Array(LEAD + bytes.length).fill(0xa5, 0, LEAD);
  buffer.set(bytes, LEAD);
  return { view: new DataView(buffer.buffer), bytes: buffer, base: LEAD, length: bytes.length };
}

function onlyEvent(definition: ProbeCore): string {
  const [struct, ...others] = Object.keys(definition.events);
  if (struct === undefined || others.length > 0)
    throw new Error(`probe ${definition.id} has ${others.length + (struct === undefined ? 0 : 1)} events: say which one a record is, { struct, kind, hex }`);
  return struct;
}

function bindingOf(definition: ProbeCore, struct: string): EventBinding {
  const binding = definition.events[struct];
  if (binding === undefined)
    throw new Error(`probe ${definition.id} has no decoder for ${struct}; it has ${Object.keys(definition.events).join(', ') || 'none'}`);
  return binding;
}
