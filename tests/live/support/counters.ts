// SPDX-License-Identifier: Apache-2.0
// obi's own account of a run: what its kernel side counted, what decoders failed on, what exporters lost.
import type { Obi, PrintedSpan } from '../../harness/obi.mjs';

export interface Account {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly spans: PrintedSpan[];
  /** Probe → counter → value; only what is not 0. */
  readonly counters: Record<string, Record<string, number>>;
  /** Probe → kind of fault → number. */
  readonly faults: Record<string, Record<string, number>>;
  /** Lines that begin with `lost:`. */
  readonly lost: string[];
}

/** What an obi must be started with, so that {@link finish} finds its account. */
export const ACCOUNTING = { OTEL_EBPF_LOG_LEVEL: 'debug', OTEL_EBPF_LOG_FORMAT: 'json' } as const;

/** Stops obi by SIGTERM and reads its account. */
export async function finish(obi: Obi): Promise<Account> {
  const { code, signal, spans } = await obi.stop();
  const line = obi.proc.lines.find(({ stream, text }) => stream === 'stderr' && text.includes('"message":"counters"'));
  if (!line) throw new Error(`obi wrote no counters\n${obi.proc.tail()}`);
  const { counters, faults } = JSON.parse(line.text);
  return { code, signal, spans, counters, faults, lost: obi.proc.lines.map(({ text }) => text).filter((text) => text.startsWith('lost:')) };
}

export const NO_FAULTS = { short: 0, unknown: 0, thrown: 0 };
