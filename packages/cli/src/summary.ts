// SPDX-License-Identifier: Apache-2.0
/** What a run shows at its end: the last traces, when they went nowhere else, and what was lost. Traces go to standard output, what is said about them to standard error. */
import { type AgentStatus, type Container, type SinkFaults, type SpanExporter, SpanExporters } from '@obi/core';
import { detectTerminal, MemoryStore, renderWaterfall } from '@obi/exporter-console';
import { print } from './output.js';

const TRACES_SHOWN = 20;
/** Records that came and made no span. */
const FAULTS: Readonly<Record<keyof SinkFaults, string>> = { short: 'short_records', unknown: 'unknown_records', thrown: 'decoder_faults' };

/** Left out whenever it would interrupt itself; obi_sock_gone does then what it did not. */
const MADE_UP_FOR = 'obi_sock_state';

export async function summary(container: Container, status: AgentStatus): Promise<void> {
  const lost = lostLines(status);
  const store = container.resolve<readonly SpanExporter[]>(SpanExporters).find((exporter) => exporter instanceof MemoryStore);
  if (store instanceof MemoryStore) {
    const ids = store.traceIds();
    const spans = ids.slice(-TRACES_SHOWN).flatMap((id) => store.trace(id));
    const failure = spans.length === 0 ? undefined : await print(`${renderWaterfall(spans, detectTerminal(process.stdout, process.env))}\n`);
    if (failure) lost.push(`lost: exporter ${store.name} closed_output ${spans.length}`);
    const some = ids.length > TRACES_SHOWN && !failure;
    process.stderr.write(
      `${ids.length} traces${some ? ` (the last ${TRACES_SHOWN} are shown)` : ''}. Set OTEL_EXPORTER_OTLP_ENDPOINT to send them to a backend.\n`,
    );
  }
  if (lost.length > 0) process.stderr.write(`${lost.join('\n')}\n`);
}

/** Losses only: counters of what went well stay in the health output. */
function lostLines(status: AgentStatus): string[] {
  const lines: string[] = [];
  for (const [probe, counters] of Object.entries(status.counters)) {
    for (const [name, value] of Object.entries(counters)) {
      if (/lost|full|desync|unreadable|too_long|malformed/.test(name)) lines.push(`lost: ${probe} ${name} ${value}`);
    }
  }
  for (const [owner, programs] of Object.entries(status.missedRuns)) {
    for (const [program, value] of Object.entries(programs)) if (program !== MADE_UP_FOR) lines.push(`lost: ${owner} ${program}_missed_runs ${value}`);
  }
  if (status.unknownProcess > 0) lines.push(`lost: core unknown_process ${status.unknownProcess}`);
  if (status.strays > 0) lines.push(`lost: core stray_records ${status.strays}`);
  for (const [probe, faults] of Object.entries(status.faults)) {
    for (const [kind, value] of Object.entries(faults)) if (value > 0) lines.push(`lost: ${probe} ${FAULTS[kind as keyof SinkFaults]} ${value}`);
  }
  for (const [exporter, { dropped, heldSpans }] of Object.entries(status.exporters)) {
    for (const [reason, value] of Object.entries(dropped)) lines.push(`lost: exporter ${exporter} ${reason} ${value}`);
    // Nobody sends them any more: obi ends.
    if (heldSpans > 0) lines.push(`lost: exporter ${exporter} held ${heldSpans}`);
  }
  return lines;
}
