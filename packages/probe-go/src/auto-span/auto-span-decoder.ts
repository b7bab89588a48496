// SPDX-License-Identifier: Apache-2.0
/** Spans that a program made by the Auto SDK: the kernel side has their ids and parents, the text the rest. */
import { attributeKey, inject, injectable, Logger, type RecordView, type SpanDecoder, type SpanWriter } from '@obi/core/probe';
import { autoSpanEvent as event } from '../generated/go.events.js';
import { type AutoSpan, parseAutoSpan } from './parse-auto-span.js';

/** How a span says its tracer where the exporter has one scope for all: https://opentelemetry.io/docs/specs/otel/common/mapping-to-non-otlp/ */
const SCOPE_NAME = attributeKey('otel.scope.name');
const SCOPE_VERSION = attributeKey('otel.scope.version');
const utf8 = new TextDecoder();

@injectable()
export class AutoSpanDecoder implements SpanDecoder {
  readonly #log: Logger;
  readonly counters = { auto_span_malformed: 0 };

  constructor(@inject(Logger) log: Logger) {
    this.#log = log;
  }

  decode(record: RecordView, span: SpanWriter): void {
    const { view, bytes, base } = record;
    const { offset } = event;
    const parsed = parseAutoSpan(textOf(record));
    if (typeof parsed === 'string') {
      this.#refuse(parsed);
      return;
    }
    if (!span.begin(event.tgid(view, base))) return;
    span.ids(bytes, base + offset.traceTraceId, base + offset.traceSpanId, base + offset.traceParentId, event.traceFlags(view, base));
    write(parsed, span);
    span.end();
  }

  #refuse(reason: string): void {
    if (this.counters.auto_span_malformed++ === 0)
      this.#log.warn('a span that the program made itself could not be read; further ones are counted', { reason });
  }
}

function textOf({ view, bytes, base, length }: RecordView): string {
  const start = base + event.offset.text;
  return utf8.decode(bytes.subarray(start, Math.min(start + event.textLen(view, base), base + length)));
}

function write(from: AutoSpan, span: SpanWriter): void {
  span.name(from.name);
  span.kind(from.kind);
  span.unixTimes(from.startUnixNano, from.endUnixNano);
  if (from.scope.name !== '') span.string(SCOPE_NAME, from.scope.name);
  if (from.scope.version !== '') span.string(SCOPE_VERSION, from.scope.version);
  for (const [name, value] of from.attributes) span.attribute(name, value);
  for (const one of from.events) span.event(one);
  for (const one of from.links) span.link(one);
  span.dropped(from.dropped);
  if (from.status.code !== 0 || from.status.message !== '') span.status(from.status.code, from.status.message);
}
