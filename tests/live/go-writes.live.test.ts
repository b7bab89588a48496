// SPDX-License-Identifier: Apache-2.0
// The traceparent of a Go program's requests: there once, of the span that says so, and nowhere else, in every way that net/http writes requests, and gRPC's clients.
import path from 'node:path';
import { Obi } from '../harness/obi.mjs';
import { countersOf, startMiddle } from '../harness/parents.mjs';
import { certificate, grpcMiddle, lacking, writingService } from '../harness/parents-middles.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { testUnless } from './support/chain.js';
import { features, inVm, isSample, root } from './support/features.js';

const SERVER = 2;
const CLIENT = 3;
const OWN = '00-0123456789abcdef0123456789abcdef-0123456789abcdef-01';
const LONG_HEADER = 6000;
const LONG_BODY = 100_000;
jest.setTimeout(180_000 * (inVm ? 8 : 1));

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-writes' });
});
afterEach(() => sandbox.dispose());
const here = testUnless(lacking('go'));

interface Received {
  readonly version: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly bytes: number;
}

/** Asks the service to write a request in each way. */
async function write(ways: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const receiver = await sandbox.startOutside('receiver', [process.execPath, path.join(root, 'tests/live/support/receiver.mjs')], { env });
  const service = await sandbox.start('service', [writingService()], { env });
  const [there, here] = await Promise.all([receiver, service].map(async (proc) => Number((await proc.line(/^listening (\d+)$/))[1])));
  const url = `http${env.CERT ? 's' : ''}://127.0.0.1:${there}/x`;
  const obi = await Obi.start(sandbox, { plugins: `http,${path.join(root, 'packages/probe-go')}`, ports: [here ?? 0] });
  // Twice: on a new connection, and on one that is kept.
  const asked = ['new', 'kept'].flatMap((turn) => ways.map((way) => ({ key: `${way}, ${turn}`, url: `${way}?url=${encodeURIComponent(url)}&turn=${turn}` })));
  const script = path.join(root, 'tests/live/support/get-all.mjs');
  const urls = asked.map((one) => `http://127.0.0.1:${here}/${one.url}`);
  const bodies: string[] = JSON.parse(await sandbox.run('get', [process.execPath, script, ...urls]));
  const texts = new Map(asked.map(({ key }, n) => [key, bodies[n] ?? '']));
  await obi.waitForSpans(2 * ways.length, 5);
  const { spans } = await obi.stop();
  return { texts, spans };
}

/** What was received, in each way and turn: its traceparent, if it is that of a client span below the server's one; and that the rest is as it was sent. */
async function received(ways: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { texts, spans } = await write(ways, env);
  const verdict = ([key, text]: [string, string]) => {
    const [way = '', turn] = key.split(', ');
    const { fields, bytes, version } = JSON.parse(text) as Received;
    const found = fields.filter(([name]) => name === 'traceparent').map(([, value]) => value);
    const [, trace, id] = found[0]?.split('-') ?? [];
    const client = spans.find(({ kind, traceId, spanId }) => kind === CLIENT && traceId === trace && spanId === id);
    const server = spans.find(({ kind, spanId }) => kind === SERVER && spanId === client?.parentSpanId);
    const isOurs =
      server?.traceId === trace && server?.attributes['url.path'] === `/${way}` && String(server?.attributes['url.query']).endsWith(`turn=${turn}`);
    expect(fields.find(([name]) => name === 'x-long')?.[1]?.length).toBe(way.startsWith('large') ? LONG_HEADER : undefined);
    expect([bytes, version]).toEqual([/post|chunked|expect/.test(way) ? LONG_BODY : 0, env.HTTP2 ? '2.0' : '1.1']);
    return [key, found.length === 1 ? (found[0] === OWN ? 'own' : isOurs ? 'ours' : 'a stranger’s') : `${found.length}`];
  };
  return Object.fromEntries([...texts].map(verdict));
}

const each = (ways: readonly string[], verdict: (way: string) => string) =>
  Object.fromEntries(ways.flatMap((way) => ['new', 'kept'].map((turn) => [`${way}, ${turn}`, verdict(way)])));
const ownOr = (other: string) => (way: string) => (way.endsWith('own') ? 'own' : other);
/** Where the head is complete in the connection's buffer when the body follows. */
const ordinary = ['get', 'post', 'chunked', 'expect', 'own'];
const large = ['large', 'large-own'];

here('in plaintext: once, inside the process or on the wire', async () => {
  const ways = [...ordinary, ...large];
  expect(await received(ways)).toEqual(each(ways, ownOr('ours')));
});

here('over TLS: inside the process, where the head is complete in the buffer', async () => {
  const inside = features().probeWriteUser;
  expect(await received(ordinary, certificate())).toEqual(each(ordinary, ownOr(inside ? 'ours' : '0')));
  expect(await received(large, certificate())).toEqual(each(large, ownOr('0')));
});

here('over HTTP/2', async () => {
  const ways = ['get', 'post', 'chunked', 'own', 'large', 'large-own'];
  expect(await received(ways, { ...certificate(), HTTP2: '1' })).toEqual(each(ways, ownOr(features().probeWriteUser ? 'ours' : '0')));
});

here('not into requests and responses that are written elsewhere', async () => {
  const ways = ['dump', 'file', 'buffer', 'response'];
  const { texts } = await write(ways);
  for (const text of texts.values()) {
    expect(text).toMatch(/HTTP\/1\.1/);
    expect(text.toLowerCase()).not.toContain('traceparent');
  }
  expect(texts.size).toBe(2 * ways.length);
});

/** How the service calls, in this order: on a new connection, then on that. Only a block that is in one frame, and has not more fields than are looked at, is written to. */
const CALLS = {
  first: ['', 'ours'],
  second: ['', 'ours'],
  long: [`long=${LONG_HEADER}`, 'ours'],
  own: [`traceparent=${OWN}`, 'own'],
  parts: ['long=30000', '0'],
  many: ['many=300', '0'],
  last: ['', 'ours'],
} as const;
const GRPC_VERSIONS = isSample ? [undefined] : [undefined, '1.40.0'];

for (const version of GRPC_VERSIONS)
  here(`over gRPC${version ? ` ${version}` : ''}`, async () => {
    const tls = { ...certificate(), HTTP2: '1' };
    const receiver = await sandbox.startOutside('receiver', [process.execPath, path.join(root, 'tests/live/support/receiver.mjs')], { env: tls });
    const leaf = `https://127.0.0.1:${(await receiver.line(/^listening (\d+)$/))[1]}`;
    const middle = await startMiddle(sandbox, 'grpc', [grpcMiddle(version && `v${version}`)], [leaf], { KEEPALIVE: '1' });
    const obi = await Obi.start(sandbox, {
      plugins: `http,${path.join(root, 'packages/probe-go')}`,
      ports: [middle.port],
      env: { OTEL_EBPF_LOG_LEVEL: 'debug', OTEL_EBPF_LOG_FORMAT: 'json' },
    });
    const queries = Object.entries(CALLS).map(([name, [query]]) => `way=show&text=${name}&${query}`);
    const client = path.join(root, 'tests/live/support/grpc-client.mjs');
    const texts: string[] = JSON.parse(await sandbox.run('ask', [process.execPath, client, String(middle.port), 'calls', ...queries]));
    await obi.waitForSpans(2 * queries.length, 5);
    const { spans } = await obi.stop();

    const received = texts.map((text) => (JSON.parse(text) as Received).fields);
    const valuesOf = (name: string) => received.map((fields) => fields.filter(([of]) => of === name).map(([, value]) => value));
    const verdicts = valuesOf('traceparent').map((found, n) => {
      const [, trace, id] = found[0]?.split('-') ?? [];
      const call = spans.find(({ kind, name }) => kind === CLIENT && name === `parents.Leaf/Ask?${Object.keys(CALLS)[n]}`);
      const request = spans.find(({ kind, spanId }) => kind === SERVER && spanId === call?.parentSpanId);
      const isOurs = [call?.traceId, request?.traceId].every((of) => of === trace) && call?.spanId === id;
      return found.length === 1 ? (found[0] === OWN ? 'own' : isOurs ? 'ours' : 'a stranger’s') : `${found.length}`;
    });
    const writes = features().probeWriteUser;
    expect(verdicts).toEqual(Object.values(CALLS).map(([, verdict]) => (writes || verdict !== 'ours' ? verdict : '0')));
    expect(valuesOf('x-long').map(([value = '']) => value.length)).toEqual([0, 0, LONG_HEADER, 0, 30_000, 0, 0]);
    expect(valuesOf('x-many').map(({ length }) => length)).toEqual([0, 0, 0, 0, 0, 300, 0]);
    const { written, no_room } = countersOf(obi).go;
    expect({ written, no_room }).toEqual(writes ? { written: 4, no_room: 2 } : {});
  });
