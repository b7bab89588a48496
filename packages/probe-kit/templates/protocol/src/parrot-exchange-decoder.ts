/** One exchange record → one span. Called for every record: keeps nothing of it, and makes no object. */
import { attributeKey, type RecordView, type SpanDecoder, SpanKind, type SpanWriter, StatusCode } from '@obi/core/probe';
import { parrotExchangeEvent as event, ParrotExchangeFlag, ParrotRole } from './generated/parrot.events.js';

// Where there is a semantic convention, use its names: https://opentelemetry.io/docs/specs/semconv/
const REQUEST_SIZE = attributeKey('parrot.request.size');
const ANSWER_SIZE = attributeKey('parrot.answer.size');
const SERVER_PORT = attributeKey('server.port');
const ERROR_TYPE = attributeKey('error.type');

export class ParrotExchangeDecoder implements SpanDecoder {
  decode({ view, bytes, base }: RecordView, span: SpanWriter): void {
    const { offset } = event;
    const isServer = event.role(view, base) === ParrotRole.SERVER;
    if (!span.begin(event.tgid(view, base))) return;
    span.kind(isServer ? SpanKind.SERVER : SpanKind.CLIENT);
    span.ids(bytes, base + offset.traceTraceId, base + offset.traceSpanId, base + offset.traceParentId, event.traceFlags(view, base));
    span.times(view, base + offset.startNs, base + offset.endNs);
    span.name('parrot');
    span.int(REQUEST_SIZE, event.requestBytes(view, base));
    span.int(ANSWER_SIZE, event.answerBytes(view, base));
    span.int(SERVER_PORT, isServer ? event.tupleLocalPort(view, base) : event.tupleRemotePort(view, base));
    if (event.flags(view, base) & ParrotExchangeFlag.INCOMPLETE) {
      span.string(ERROR_TYPE, 'no_answer');
      span.status(StatusCode.ERROR);
    }
    span.end();
  }
}
