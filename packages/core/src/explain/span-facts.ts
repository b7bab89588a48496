// SPDX-License-Identifier: Apache-2.0
/** The span contract with an object per span, for one record that somebody asks about: what a decoder makes of it. */
import { plainValue } from '../span/plain-value.js';
import type { AttributeValue } from '../span/process-resource.js';
import type { RecordView } from '../span/span-writer.js';
import { type AttributeKey, SpanKind, type SpanValue, type SpanWriter, StatusCode } from '../span/span-writer.js';
import { UnixClock } from '../time/unix-clock.js';
import type { ExplainableEvent } from './record-store.js';

/** `undefined` where the decoder wrote nothing. */
export interface SpanFacts {
  readonly pid: number | undefined;
  /** `server`, `client`, … */
  readonly kind: string;
  readonly name: string | undefined;
  /** CLOCK_MONOTONIC. */
  readonly startNs: bigint | undefined;
  readonly endNs: bigint | undefined;
  readonly isError: boolean;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

type Draft = { -readonly [K in keyof SpanFacts]: SpanFacts[K] } & { attributes: Record<string, AttributeValue> };
const NAMES = Object.fromEntries(Object.entries(SpanKind).map(([name, value]) => [value, name.toLowerCase()]));

/** Of a decoder that throws, or writes no span, what is known is that. */
export function factsOf(record: RecordView, { decoder }: ExplainableEvent): SpanFacts {
  const writer = new FactsWriter();
  try {
    decoder.decode(record, writer);
  } catch {
    writer.discard();
  }
  return writer.facts;
}

/** Made when the first span with times of its own is looked at: it measures for a millisecond. */
let unix: UnixClock | undefined;

const nothing = (pid?: number): Draft => ({ pid, kind: 'span', name: undefined, startNs: undefined, endNs: undefined, isError: false, attributes: {} });

/** Takes spans of any process: one that has ended too. Ids are read from the record. */
class FactsWriter implements SpanWriter {
  facts = nothing();

  begin(pid: number): boolean {
    this.facts = nothing(pid);
    return true;
  }
  kind(kind: SpanKind): void {
    this.facts.kind = NAMES[kind] ?? 'span';
  }
  ids(): void {}
  times(view: DataView, start: number, end: number): void {
    this.facts.startNs = view.getBigUint64(start, true);
    this.facts.endNs = view.getBigUint64(end, true);
  }
  unixTimes(start: bigint, end: bigint): void {
    unix ??= new UnixClock();
    unix.refresh();
    this.facts.startNs = unix.monotonicOf(start);
    this.facts.endNs = unix.monotonicOf(end);
  }
  name(value: string): void {
    this.facts.name = value;
  }
  string(key: AttributeKey, value: string): void {
    this.facts.attributes[key.name] = value;
  }
  text(key: AttributeKey, bytes: Uint8Array, start: number, end: number): void {
    this.facts.attributes[key.name] = new TextDecoder().decode(bytes.subarray(start, end));
  }
  int(key: AttributeKey, value: number): void {
    this.facts.attributes[key.name] = value;
  }
  bool(key: AttributeKey, value: boolean): void {
    this.facts.attributes[key.name] = value;
  }
  double(key: AttributeKey, value: number): void {
    this.facts.attributes[key.name] = value;
  }
  status(code: StatusCode): void {
    this.facts.isError = code === StatusCode.ERROR;
  }
  attribute(name: string, value: SpanValue): void {
    this.facts.attributes[name] = plainValue(value);
  }
  event(): void {}
  link(): void {}
  dropped(): void {}
  end(): void {}
  discard(): void {
    this.facts = nothing();
  }
}
