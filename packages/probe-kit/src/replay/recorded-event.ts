// SPDX-License-Identifier: Apache-2.0
/** Recorded events: what a test keeps of a live run. One JSON file is one event or an array of them. */
import { readFileSync, writeFileSync } from 'node:fs';

export interface RecordedEvent {
  /** C struct name. */
  readonly struct: string;
  /** `hdr.kind` when it was recorded. */
  readonly kind: number;
  /** The record's bytes, from its header on. White space is ignored. */
  readonly hex: string;
}

/** @throws Error naming the file and the entry that is malformed. */
export function readRecordedEvents(path: string | URL): RecordedEvent[] {
  const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'));
  return (Array.isArray(parsed) ? parsed : [parsed]).map((entry: Partial<RecordedEvent>, index) => {
    if (typeof entry.struct !== 'string' || typeof entry.kind !== 'number' || typeof entry.hex !== 'string')
      throw new Error(`${String(path)}: entry ${index} is no recorded event; expected {"struct": string, "kind": number, "hex": string}`);
    return { struct: entry.struct, kind: entry.kind, hex: entry.hex };
  });
}

/** Writes what {@link readRecordedEvents} reads: an array, one event a line. Only its owner may read the file: records hold what applications sent. */
export function writeRecordedEvents(path: string | URL, events: readonly RecordedEvent[]): void {
  const lines = events.map((event) => `  ${JSON.stringify(event)}`);
  writeFileSync(path, lines.length === 0 ? '[]\n' : `[\n${lines.join(',\n')}\n]\n`, { mode: 0o600 });
}

export function recordedEvent(struct: string, kind: number, bytes: Uint8Array): RecordedEvent {
  return { struct, kind, hex: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex') };
}

/** @throws Error naming the struct when the text is no hexadecimal. */
export function bytesOf(event: RecordedEvent): Uint8Array {
  const hex = event.hex.replace(/\s+/g, '');
  if (hex.length % 2 !== 0 || /[^0-9a-f]/i.test(hex)) throw new Error(`recorded ${event.struct}: "hex" is no string of hexadecimal bytes`);
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}
