// SPDX-License-Identifier: Apache-2.0
/** Feeds random records to a decoder and reports what it does not survive. */
import { createContext, runInContext } from 'node:vm';
import type { SpanDecoder } from '@obi/core';
import type { ExportedEvent } from '../events/event-exports.js';
import { RecordingSpanWriter } from '../replay/recording-span-writer.js';
import { decodeInto } from '../replay/replay.js';
import { fuzzedRecords } from './fuzz.js';

/** Calls of the writer that one record may cause. */
const CALLS_PER_RECORD = 1_000;

/** @returns findings: throws, spans left open, loops. Stops at the first, with the record as hex. */
export function survive(decoder: SpanDecoder, event: ExportedEvent, count: number, limitMs = 30_000): string[] {
  let current: Uint8Array = new Uint8Array();
  const run = (): void => {
    for (const record of fuzzedRecords(event, count)) {
      current = record;
      decodeInto(decoder, record, new RecordingSpanWriter({ maxCalls: CALLS_PER_RECORD }), event.struct);
    }
  };
  try {
    // The only way to end a loop on the same thread: a time limit of the engine.
    runInContext('run()', createContext({ run }), { timeout: limitMs });
    return [];
  } catch (error) {
    const timedOut = (error as { code?: string }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
    const what = timedOut ? `did not end within ${limitMs} ms for ${count} records` : `threw ${error instanceof Error ? error.message : String(error)}`;
    return [`decoder of ${event.struct}: ${what}; record ${Buffer.from(current).toString('hex')}`];
  }
}
