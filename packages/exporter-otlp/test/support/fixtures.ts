// SPDX-License-Identifier: Apache-2.0
/** Small things that the tests share: processes, records, clocks, logs. */
import { type AttributeValue, type ProcessDirectory, type ProcessResource, type SpanWriter, UnixClock } from '@obi/core/probe';
import type { ExporterLog } from '../../src/export/queued-request.js';

export const resource = (id: number, attributes: Record<string, AttributeValue>): ProcessResource => ({ id, attributes });

/** A directory of `resources` by pid. */
export const directoryOf = (resources: Record<number, ProcessResource>): ProcessDirectory => ({ resource: (pid) => resources[pid] });

/** A clock whose monotonic time began at `offset` (Unix nanoseconds). */
export function clockAt(offset: bigint): UnixClock {
  const clock = new UnixClock(1e9);
  clock.offsetLow = Number(offset & 0xffff_ffffn);
  clock.offsetHigh = Number(offset >> 32n);
  return clock;
}

/** Bytes of a record: trace id at 0, span id at 16, parent at 24, start at 32, end at 40. */
export function record(ids: { trace: string; span: string; parent?: string; start?: bigint; end?: bigint }): { bytes: Uint8Array; view: DataView } {
  const bytes = Buffer.alloc(48);
  bytes.write(ids.trace, 0, 'hex');
  bytes.write(ids.span, 16, 'hex');
  if (ids.parent !== undefined) bytes.write(ids.parent, 24, 'hex');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  view.setBigUint64(32, ids.start ?? 1n, true);
  view.setBigUint64(40, ids.end ?? 2n, true);
  return { bytes, view };
}

/** Writes a span with ids and times; `fill` adds the rest. */
export function writeSpan(writer: SpanWriter, pid: number, ids: Parameters<typeof record>[0], fill: (writer: SpanWriter) => void = () => undefined): void {
  const { bytes, view } = record(ids);
  if (!writer.begin(pid)) return;
  writer.ids(bytes, 0, 16, 24, 1);
  writer.times(view, 32, 40);
  fill(writer);
  writer.end();
}

export const hexId = (value: number, bytes: number): string => value.toString(16).padStart(bytes * 2, '0');

export interface LogLine {
  readonly level: string;
  readonly message: string;
}

export function recordingLog(): ExporterLog & { readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: string) => (message: string) => void lines.push({ level, message });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
