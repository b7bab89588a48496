// SPDX-License-Identifier: Apache-2.0
/** A sink that keeps records as they came from the kernel, and drops the spans that decoders make of them. */
import type { ExporterStats, ProcessDirectory, RecordTap, RecordView, SpanExporter, SpanWriter } from '@obi/core';
import type { Kit } from './kit.js';

/** Core's own records are news of processes, not a probe's events. */
const CORE = 'core';

export interface RecordSinkOptions {
  readonly directory: ProcessDirectory;
  readonly kit: Pick<Kit, 'recordedEvent'>;
  /** How many are kept. */
  readonly limit: number;
  /** Only those of this probe; default: of all. */
  readonly probe?: string | undefined;
  /** Called once, when the limit is reached. */
  onFull(): void;
}

export class RecordSink implements SpanExporter {
  readonly name = 'record';
  readonly writer: SpanWriter & RecordTap;
  readonly events: ReturnType<Kit['recordedEvent']>[] = [];

  constructor(private readonly options: RecordSinkOptions) {
    this.writer = new RecordingTap(options.directory, (...event) => this.#take(...event));
  }

  #take(probe: string, event: string, kind: number, { bytes, base, length }: RecordView): void {
    const { limit, kit, onFull } = this.options;
    if (probe === CORE || (this.options.probe ?? probe) !== probe) return;
    if (this.events.length === limit) return; // the run is about to end
    this.events.push(kit.recordedEvent(event, kind, bytes.subarray(base, base + length)));
    if (this.events.length === limit) onFull();
  }

  tick(): void {}

  async flush(): Promise<void> {}

  stats(): ExporterStats {
    const exported = this.events.length;
    return { spans: exported, exported, dropped: {}, failedRequests: 0, heldSpans: 0, heldBytes: 0 };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** Decoders run as in any run, so that one that fails is reported; what they write goes nowhere. */
class RecordingTap implements SpanWriter, RecordTap {
  constructor(
    private readonly directory: ProcessDirectory,
    readonly record: RecordTap['record'],
  ) {}

  begin(pid: number): boolean {
    return this.directory.resource(pid) !== undefined;
  }
  kind(): void {}
  ids(): void {}
  times(): void {}
  unixTimes(): void {}
  name(): void {}
  string(): void {}
  text(): void {}
  int(): void {}
  bool(): void {}
  double(): void {}
  status(): void {}
  attribute(): void {}
  event(): void {}
  link(): void {}
  dropped(): void {}
  end(): void {}
  discard(): void {}
}
