// SPDX-License-Identifier: Apache-2.0
// The handler of HTTP/1 in the kernel (http.test.bpf.c), fed from here: one made-up connection, any sequence of reads and writes.

import { loadTestProgram, type TestProgram } from '../../../../bpf/tests/test-program.js';
import { createKernel } from '../../../native/src/index.js';
import { httpExchangeEvent } from '../../src/generated/http.events.js';

const OPTION = { egress: 1 << 16, iov: 1 << 17, end: 1 << 18, closed: 1 << 19, unseen: 1 << 20, midway: 1 << 21 } as const;

/** pid_tgid of all calls in http.test.bpf.c. */
const THREAD = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);

/** enum http_state of parse.bpf.h. */
export const STATES = ['idle', 'start line', 'name', 'value', 'body', 'chunk size', 'chunk extension', 'chunk', 'chunk end', 'trailer', 'until end'] as const;
/** enum http_parser_flag; what says only where the parser stands in a line is left out. */
const FLAGS = { length: 1, coding: 2, chunked: 4, conflict: 8, traceparent: 16, twoTraceparents: 32, notHttp: 64, switches: 2048 } as const;
export type ParserFlag = keyof typeof FLAGS;
/** enum http_exchange_flag. */
const EXCHANGE = { requestSeen: 4, responseSeen: 8, requestDone: 16, responseDone: 32, incomplete: 1 } as const;

export interface Parser {
  readonly state: (typeof STATES)[number] | undefined;
  readonly flags: readonly ParserFlag[];
  readonly length: number;
  readonly bodyLeft: number;
  readonly ordinal: number;
  readonly status: number;
  /** The field's ids, when it was valid. */
  readonly traceparent: string | undefined;
  /** Bytes from the first one of its value to the end of the block. */
  readonly behind: number;
}
export interface Exchange {
  readonly line: string;
  readonly host: string;
  readonly status: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly flags: readonly (keyof typeof EXCHANGE)[];
}
export interface Seen {
  readonly ingress: Parser;
  readonly egress: Parser;
  /** Still followed as HTTP. */
  readonly followed: boolean;
  /** In flight, by their number on the connection. */
  readonly exchanges: readonly Exchange[];
}
export interface Pass {
  readonly egress?: boolean;
  /** Cuts the bytes in two calls, or in two vectors of one call. */
  readonly cut?: number;
  readonly iov?: boolean;
  readonly unseen?: boolean;
  /** Not the connection's first bytes. */
  readonly midway?: boolean;
}

export class HttpProgram implements Disposable {
  readonly #program: TestProgram = loadTestProgram('packages/probe-http', 'http', { obi_slot: Buffer.from([1, 0, 0, 0]) });
  #records: Exchange[] = [];
  readonly #reader = createKernel().ringReader(this.#program.map('obi_events'), { batchBytes: 1 << 20, coalesceMs: 0 }, (batch, used) =>
    this.#read(batch, used),
  );

  open(): void {
    this.#expectZero(this.#program.call('t_open'), 'open');
  }

  pass(bytes: Uint8Array, options: Pass = {}): void {
    this.#expectZero(this.#program.run('t_pass', bytes, optionOf(options)), 'pass');
  }

  /** The direction ends. */
  end(egress = false): void {
    this.#program.run('t_pass', Buffer.alloc(0), OPTION.end | (egress ? OPTION.egress : 0));
  }

  close(): void {
    this.#program.run('t_pass', Buffer.alloc(0), OPTION.closed);
  }

  capture(): Seen {
    this.#expectZero(this.#program.call('t_capture'), 'capture');
    return seenOf(this.#program.value('t_result'));
  }

  /** The thread whose calls these are ends: core forgets it. */
  endThread(): void {
    this.#program.map('obi_scopes').delete(THREAD);
  }

  /** Entries in the tables of connections and exchanges. */
  get held(): number {
    return this.#program.map('http_conns').keys().length + this.#program.map('http_exchanges').keys().length;
  }

  /** Is that thread taken for one that serves several requests at a time? */
  get isAmbiguous(): boolean {
    const scope = this.#program.map('obi_scopes').lookup(THREAD);
    return scope !== undefined && (Buffer.from(scope).readUInt32LE(48) & 1) !== 0;
  }

  /** Is anything known of that thread? */
  get knowsThread(): boolean {
    return this.#program.map('obi_scopes').lookup(THREAD) !== undefined;
  }

  /** Opens, passes, captures: the raw result, for comparisons. */
  once(bytes: Uint8Array, options: Pass = {}): Buffer {
    this.#expectZero(this.#program.run('t_once', bytes, optionOf(options)), 'once');
    return this.#program.value('t_result');
  }

  raw(): Buffer {
    this.#expectZero(this.#program.call('t_capture'), 'capture');
    return this.#program.value('t_result');
  }

  /** Exchanges that were reported since the last call. */
  reported(): Exchange[] {
    this.#reader.drain();
    const records = this.#records;
    this.#records = [];
    return records;
  }

  [Symbol.dispose](): void {
    this.#reader[Symbol.dispose]();
    this.#program[Symbol.dispose]();
  }

  #read(batch: Buffer, used: number): void {
    for (let at = 0; at < used; ) {
      const length = batch.readUInt32LE(at);
      const view = new DataView(batch.buffer, batch.byteOffset + at + 8, length);
      const { offset } = httpExchangeEvent;
      const text = (from: number, size: number) => Buffer.from(view.buffer, view.byteOffset + from, size).toString('latin1');
      this.#records.push({
        line: text(offset.line, length - offset.line),
        host: text(offset.host, httpExchangeEvent.hostLen(view, 0)),
        status: httpExchangeEvent.status(view, 0),
        requestBytes: Number(httpExchangeEvent.requestBytes(view, 0)),
        responseBytes: Number(httpExchangeEvent.responseBytes(view, 0)),
        flags: flagsOf(EXCHANGE, httpExchangeEvent.flags(view, 0)),
      });
      at += 8 + Math.ceil(length / 8) * 8;
    }
  }

  #expectZero(code: number, what: string): void {
    if (code !== 0) throw new Error(`http.test.bpf.c: ${what} returned ${code}`);
  }
}

function optionOf({ egress, cut = 0, iov, unseen, midway }: Pass): number {
  return cut | (egress ? OPTION.egress : 0) | (iov ? OPTION.iov : 0) | (unseen ? OPTION.unseen : 0) | (midway ? OPTION.midway : 0);
}

function flagsOf<T extends string>(names: Readonly<Record<T, number>>, flags: number): T[] {
  return (Object.keys(names) as T[]).filter((name) => flags & names[name]);
}

// The offsets are those of struct t_result in http.test.bpf.c.
const PARSER_SIZE = 64;
const EXCHANGES_AT = 136;
const EXCHANGE_SIZE = 192;

export function seenOf(raw: Buffer): Seen {
  const exchanges: Exchange[] = [];
  for (let at = EXCHANGES_AT; at < raw.length; at += EXCHANGE_SIZE) {
    if (!raw.readUInt32LE(at + 16)) continue;
    exchanges.push({
      line: raw.toString('latin1', at + 128, at + 128 + Math.min(64, raw.readUInt16LE(at + 22))),
      host: raw.toString('latin1', at + 32, at + 32 + raw.readUInt8(at + 26)),
      status: raw.readUInt16LE(at + 20),
      requestBytes: Number(raw.readBigUInt64LE(at)),
      responseBytes: Number(raw.readBigUInt64LE(at + 8)),
      flags: flagsOf(EXCHANGE, raw.readUInt8(at + 24)),
    });
  }
  return { ingress: parserOf(raw, 0), egress: parserOf(raw, PARSER_SIZE), followed: raw.readUInt32LE(128) === 1 && raw.readUInt32LE(132) === 1, exchanges };
}

function parserOf(raw: Buffer, at: number): Parser {
  const flags = flagsOf(FLAGS, raw.readUInt16LE(at + 22));
  const valid = flags.includes('traceparent') && !flags.includes('twoTraceparents') && raw.readUInt8(at + 25) === 0;
  const tp = at + 32;
  return {
    state: STATES[raw.readUInt8(at + 24)],
    flags,
    length: Number(raw.readBigUInt64LE(at)),
    bodyLeft: Number(raw.readBigUInt64LE(at + 8)),
    ordinal: raw.readUInt32LE(at + 16),
    status: raw.readUInt16LE(at + 20),
    behind: raw.readUInt32LE(at + 28),
    traceparent: valid ? `${raw.toString('hex', tp, tp + 16)} ${raw.toString('hex', tp + 16, tp + 24)} ${raw.readUInt8(tp + 24)}` : undefined,
  };
}
