// SPDX-License-Identifier: Apache-2.0
/** Spans for tests. */
import { type AttributeValue, type ProcessDirectory, type ProcessResource, SpanKind, type SpanWriter, StatusCode } from '@obi/core';
import type { StoredSpan } from '../../src/stored-span.js';

export const TRACE = '0af7651916cd43dd8448eb211c80319c';
export const T0 = 1_795_000_000_000_000_000n;

const resources = new Map<string, ProcessResource>();
export function service(name: string): ProcessResource {
  const known = resources.get(name) ?? { id: resources.size, attributes: { 'service.name': name } };
  resources.set(name, known);
  return known;
}

export const id = (n: number): string => n.toString(16).padStart(16, '0');

export interface Short {
  readonly id: number;
  readonly parent?: number;
  readonly trace?: string;
  readonly service?: string;
  readonly name?: string;
  readonly kind?: SpanKind;
  /** Microseconds since T0. */
  readonly from?: number;
  readonly to?: number;
  readonly status?: number;
  readonly error?: boolean | string;
  readonly attributes?: Record<string, AttributeValue>;
}

export function span(short: Short): StoredSpan {
  const { error = false } = short;
  return {
    traceId: short.trace ?? TRACE,
    spanId: id(short.id),
    parentSpanId: short.parent === undefined ? undefined : id(short.parent),
    name: short.name ?? `span ${short.id}`,
    kind: short.kind ?? SpanKind.SERVER,
    startUnixNano: T0 + BigInt(short.from ?? 0) * 1000n,
    endUnixNano: T0 + BigInt(short.to ?? 1000) * 1000n,
    attributes: { ...(short.status === undefined ? {} : { 'http.response.status_code': short.status }), ...short.attributes },
    events: [],
    links: [],
    dropped: { attributes: 0, events: 0, links: 0 },
    status: { code: error === false ? StatusCode.UNSET : StatusCode.ERROR, message: typeof error === 'string' ? error : '' },
    resource: service(short.service ?? 'shop'),
  };
}

/** A shop's request over five services, with an error on the way. */
export const shop: readonly StoredSpan[] = [
  span({ id: 1, service: 'gateway', name: 'GET /checkout', from: 0, to: 42_100, status: 200 }),
  span({ id: 2, parent: 1, service: 'gateway', name: 'GET', kind: SpanKind.CLIENT, from: 1_200, to: 13_900, status: 200 }),
  span({ id: 3, parent: 2, service: 'cart', name: 'GET /cart/{id}', from: 2_000, to: 13_100, status: 200 }),
  span({ id: 4, parent: 3, service: 'cart', name: 'GET', kind: SpanKind.CLIENT, from: 3_000, to: 3_870, status: 304 }),
  span({ id: 5, parent: 4, service: 'catalogue', name: 'GET /items', from: 3_300, to: 3_700, status: 304 }),
  span({ id: 6, parent: 1, service: 'gateway', name: 'POST', kind: SpanKind.CLIENT, from: 14_500, to: 33_000, status: 503, error: true }),
  span({ id: 7, parent: 6, service: 'payment', name: 'POST /charge', from: 15_000, to: 32_400, status: 503, error: true }),
  span({ id: 8, parent: 1, service: 'gateway', name: 'POST', kind: SpanKind.CLIENT, from: 33_200, to: 41_000, status: 201 }),
  span({
    id: 9,
    parent: 8,
    service: 'recommendation-engine-eu',
    name: 'POST /rank/with/a/rather/long/route/{that}/{goes}/on',
    from: 34_000,
    to: 40_500,
    status: 201,
  }),
];

/** A directory that knows pid 1 to 9 as services s1 to s9. */
export const directory: ProcessDirectory = { resource: (pid) => (pid >= 1 && pid <= 9 ? service(`s${pid}`) : undefined) };

/** Writes a span through a writer, the way a decoder does. */
export function write(writer: SpanWriter, n: number, fill: (writer: SpanWriter) => void = () => undefined, trace = TRACE, parent = 0): void {
  const bytes = Buffer.from(trace + id(n) + id(parent), 'hex');
  const times = new DataView(new ArrayBuffer(16));
  times.setBigUint64(0, 1_000_000n * BigInt(n), true);
  times.setBigUint64(8, 1_000_000n * BigInt(n) + 500_000n, true);
  if (!writer.begin(1)) return;
  writer.name(`span ${n}`);
  writer.kind(SpanKind.SERVER);
  writer.ids(bytes, 0, 16, 24, 1);
  writer.times(times, 0, 8);
  fill(writer);
  writer.end();
}
