// SPDX-License-Identifier: Apache-2.0
/** One batch record → one span, after the OpenTelemetry semantic conventions for Redis. */
import { type RecordView, type SpanDecoder, SpanKind, type SpanWriter, StatusCode } from '@obi/core/probe';
import { formatAddress } from './addresses.js';
import * as key from './attributes.js';
import { redisBatchEvent as event, RedisBatchFlag, RedisRole } from './generated/redis.events.js';
import { Words } from './words.js';

const { offset } = event;

export class RedisBatchDecoder implements SpanDecoder {
  readonly #words = new Words();

  decode(record: RecordView, span: SpanWriter): void {
    const { view, bytes, base } = record;
    const isServer = event.role(view, base) === RedisRole.SERVER;
    if (!span.begin(event.tgid(view, base))) return;
    span.kind(isServer ? SpanKind.SERVER : SpanKind.CLIENT);
    span.ids(bytes, base + offset.traceTraceId, base + offset.traceSpanId, base + offset.traceParentId, event.traceFlags(view, base));
    span.times(view, base + offset.startNs, base + offset.endNs);
    span.string(key.SYSTEM_NAME, 'redis');
    this.#operation(record, span);
    this.#ends(record, span, isServer);
    this.#outcome(record, span);
    span.end();
  }

  #operation({ view, bytes, base }: RecordView, span: SpanWriter): void {
    const flags = event.flags(view, base);
    const commands = event.commands(view, base);
    const command = this.#words.read(bytes, base + offset.name, Math.min(event.nameLen(view, base), event.length.name));
    const kind = flags & RedisBatchFlag.TRANSACTION ? 'MULTI' : commands > 1 ? 'PIPELINE' : undefined;
    const shared = flags & RedisBatchFlag.MIXED ? undefined : command;
    const operation = kind === undefined ? command : shared === undefined ? kind : `${kind} ${shared}`;
    span.name(operation ?? 'redis');
    if (operation !== undefined) span.string(key.OPERATION_NAME, operation);
    if (commands > 1) span.int(key.BATCH_SIZE, commands);
  }

  #ends({ view, bytes, base }: RecordView, span: SpanWriter, isServer: boolean): void {
    const remote = formatAddress(bytes, base + offset.tupleRemote);
    const remotePort = event.tupleRemotePort(view, base);
    span.string(key.SERVER_ADDRESS, isServer ? formatAddress(bytes, base + offset.tupleLocal) : remote);
    span.int(key.SERVER_PORT, isServer ? event.tupleLocalPort(view, base) : remotePort);
    if (isServer) {
      span.string(key.CLIENT_ADDRESS, remote);
      span.int(key.CLIENT_PORT, remotePort);
    }
    span.string(key.PEER_ADDRESS, remote);
    span.int(key.PEER_PORT, remotePort);
  }

  #outcome({ view, bytes, base }: RecordView, span: SpanWriter): void {
    if (event.errors(view, base) > 0) {
      const code = this.#words.read(bytes, base + offset.error, Math.min(event.errorLen(view, base), event.length.error));
      if (code !== undefined) span.string(key.RESPONSE_STATUS, code);
      span.string(key.ERROR_TYPE, code ?? '_OTHER');
      span.status(StatusCode.ERROR);
    } else if (event.flags(view, base) & RedisBatchFlag.INCOMPLETE) {
      span.string(key.ERROR_TYPE, 'no_reply');
      span.status(StatusCode.ERROR);
    }
  }
}
