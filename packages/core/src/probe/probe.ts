/** What a probe package exports by default: plain data and decoders. Build it with {@link defineProbe}. */

import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { InjectionToken } from '../di.js';
import type { RecordView, SpanWriter } from '../span/span-writer.js';
import type { RuntimeDriver } from './runtime.js';

/** Turns records of one event struct into spans. One instance per obi process; called synchronously, in ring order. */
export interface SpanDecoder {
  /**
   * Writes the span(s) of `record`, or nothing. A throw is counted against the probe and reported once; other records go on.
   * `record.length` was checked against the event's minimal size.
   */
  decode(record: RecordView, span: SpanWriter): void;
  /** What it left out, by reason (stable snake_case names); read at any time, and shown beside the counters of the probe's kernel side. */
  readonly counters?: Readonly<Record<string, number>>;
}

/** Where one program of the probe's own object is attached (programs in slots are not listed: core attaches those). */
export interface Attachment {
  readonly program: string;
  readonly to: { readonly rawTracepoint: string } | { readonly tracepoint: string } | { readonly kprobe: string; readonly return?: boolean };
  /** When it cannot be attached, the probe goes on without it; the reason is reported. */
  readonly optional?: boolean;
}

export interface EventBinding {
  /** From the generated reader: digest of the struct layout that the decoder was compiled against. */
  readonly digest: string;
  /** From the generated reader: the smallest length of a valid record, in bytes. */
  readonly minSize: number;
  readonly decoder: InjectionToken<SpanDecoder>;
}

export interface ProbeDefinition<Config = unknown> {
  readonly id: string;
  readonly api: number;
  /** Schema of this probe's section of the configuration (`probes.<id>`); any Standard Schema library. */
  readonly config?: StandardSchemaV1<unknown, Config>;
  /** Values for the object's `const volatile cfg_*` parameters, from the checked configuration. */
  parameters?(config: Config): Readonly<Record<string, number | bigint | boolean>>;
  readonly attach?: readonly Attachment[];
  /** Runtime probes: what serves a process, resolved from the container (where ProbeSection and Logger are the probe's own). */
  readonly runtime?: InjectionToken<RuntimeDriver>;
  /** C struct name → binding. */
  readonly events: Readonly<Record<string, EventBinding>>;
}

/** Brand by value, not by identity: two copies of core in one tree still agree. */
export const PROBE_BRAND = '@obi/Probe';
export type Probe<Config = unknown> = ProbeDefinition<Config> & { readonly $$type: typeof PROBE_BRAND };

export function defineProbe<Config>(definition: ProbeDefinition<Config>): Probe<Config> {
  return Object.freeze({ ...definition, $$type: PROBE_BRAND });
}
