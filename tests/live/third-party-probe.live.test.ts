// SPDX-License-Identifier: Apache-2.0
// examples/third-party-probe beside http: a package that core knows nothing of joins its spans to those of another protocol.
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readRecordedEvents, replay } from '@obi/probe-kit';
import definition from '../../examples/third-party-probe/src/index.js';
import { loadIn } from '../harness/load.mjs';
import { Obi, type PrintedSpan } from '../harness/obi.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { missing, which } from '../harness/services.mjs';
import { testUnless } from './support/chain.js';
import { ACCOUNTING, type Account, finish, NO_FAULTS } from './support/counters.js';
import { root } from './support/features.js';
import { CLIENT, SERVER } from './support/traced.js';

const probe = path.join(root, 'examples/third-party-probe');
const REDIS_PORT = 16_379;
const lacking =
  missing('python') ??
  (which('redis-server') && which('redis-benchmark') ? undefined : 'redis-server is not installed (Debian: apt-get install redis-server)') ??
  (existsSync(path.join(probe, 'dist/manifest.json')) ? undefined : 'examples/third-party-probe is not built');

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-third' });
});
afterEach(() => sandbox.dispose());

async function startRedis(): Promise<void> {
  const options = ['--port', String(REDIS_PORT), '--bind', '127.0.0.1', '--save', '', '--daemonize', 'no'];
  const redis = await sandbox.start('redis', ['redis-server', ...options]);
  await redis.line(/Ready to accept connections/);
}

async function startShop(): Promise<number> {
  const env = { REDIS_PORT: String(REDIS_PORT), OTEL_SERVICE_NAME: 'shop' };
  const shop = await sandbox.start('shop', [which('/usr/bin/python3', 'python3') ?? '', path.join(probe, 'test/live/shop.py')], { env });
  return Number((await shop.line(/^listening (\d+)$/))[1]);
}

const operation = (span: PrintedSpan) => span.attributes['db.operation.name'];
/** Each connection begins with a PING, before there is a request. */
const isRedis = (span: PrintedSpan) => span.attributes['db.system.name'] === 'redis' && operation(span) !== 'PING';
const byTime = (a: PrintedSpan, b: PrintedSpan) => Number(BigInt(a.startTimeUnixNano) - BigInt(b.startTimeUnixNano));

/** What the shop asks Redis for a request, by the request's number (test/live/shop.py). */
const ASKED = [
  ['SET', 'get'],
  ['PIPELINE ECHO', 'PIPELINE'],
  ['MULTI SET'],
  ['SET', 'LPUSH'],
  ['SETEX'],
  ['SET', 'PIPELINE'],
  ['HSET', 'HGETALL', 'EVAL', 'GET'],
];
const REQUESTS = ASKED.length * 10;
const BATCHES = 10 * ASKED.flat().length;

async function tracedShop(propagation: string): Promise<Account> {
  await startRedis();
  const port = await startShop();
  const obi = await Obi.start(sandbox, {
    plugins: `http,${probe}`,
    ports: [port, REDIS_PORT],
    env: { ...ACCOUNTING, OTEL_EBPF_BPF_CONTEXT_PROPAGATION: propagation },
  });
  const { trees, errors } = await loadIn(sandbox, { url: `http://127.0.0.1:${port}`, requests: REQUESTS, concurrency: 8 });
  expect(errors).toEqual([]);
  expect(trees).toHaveLength(REQUESTS);
  await obi.waitForSpans(REQUESTS + 2 * BATCHES, 15, (span) => operation(span) !== 'PING');
  return finish(obi);
}

// `all`: the first command of a connection goes through sk_msg; `disabled`: everything through the taps.
describe.each(['disabled', 'all'])('obi --plugins http,./examples/third-party-probe, propagation %s', (propagation) => {
  testUnless(lacking)('each command is a child of the request that caused it', async () => {
    const { code, spans, counters, faults, lost } = await tracedShop(propagation);
    expect({ code, lost, faults }).toEqual({ code: 0, lost: [], faults: expect.objectContaining({ redis: NO_FAULTS }) });
    const requests = spans.filter((span) => span.kind === SERVER && !('db.system.name' in span.attributes));
    const asked = spans.filter((span) => span.kind === CLIENT && isRedis(span));
    expect({ requests: requests.length, asked: asked.length }).toEqual({ requests: REQUESTS, asked: BATCHES });
    for (const request of requests) {
      const n = Number(String(request.attributes['url.query']).slice(2));
      const children = asked.filter(({ parentSpanId, traceId }) => parentSpanId === request.spanId && traceId === request.traceId).sort(byTime);
      expect({ n, children: children.map(operation) }).toEqual({ n, children: ASKED[n % ASKED.length] });
    }
    expect(counters.redis).toMatchObject({ parent_thread: BATCHES });

    const of = (name: string) => asked.find((span) => operation(span) === name);
    expect(of('get')).toMatchObject({
      name: 'get',
      attributes: { 'server.address': '127.0.0.1', 'server.port': REDIS_PORT },
      resource: { 'service.name': 'shop' },
    });
    expect(of('get')?.attributes).not.toHaveProperty('db.operation.batch.size');
    expect(of('PIPELINE ECHO')?.attributes).toMatchObject({ 'db.operation.batch.size': 5 });
    expect(of('MULTI SET')?.attributes).toMatchObject({ 'db.operation.batch.size': 2 });
    expect(of('LPUSH')).toMatchObject({ status: { code: 'ERROR' }, attributes: { 'error.type': 'WRONGTYPE', 'db.response.status_code': 'WRONGTYPE' } });
    expect(asked.filter(({ status }) => status.code === 'ERROR').map(operation)).toEqual(Array(10).fill('LPUSH'));
    // Keys and values are the application's: none is in any span.
    expect(JSON.stringify(asked)).not.toMatch(/key:|secret|nosuch/);
  });

  testUnless(lacking)('the server has its own spans, each with a trace of its own', async () => {
    const { spans } = await tracedShop(propagation);
    const served = spans.filter((span) => span.kind === SERVER && isRedis(span));
    // A command that is cut by many reads is one batch; the pipelines came in one piece or in several.
    expect(served.length).toBeGreaterThanOrEqual(BATCHES);
    expect(served.filter(({ parentSpanId }) => parentSpanId)).toEqual([]);
    // What the server is called depends on its package: it is a link, and writes its title over its environment.
    expect(served.filter(({ resource }) => resource['service.name'] === 'shop')).toEqual([]);
    const commands = (name: string) => served.filter((span) => operation(span) === name).length;
    expect({ SETEX: commands('SETEX'), EVAL: commands('EVAL'), HGETALL: commands('HGETALL') }).toEqual({ SETEX: 10, EVAL: 10, HGETALL: 10 });
  });
});

testUnless(lacking)('under a benchmark no command is lost, whatever the reads cut', async () => {
  await startRedis();
  const obi = await Obi.start(sandbox, { plugins: probe, ports: [REDIS_PORT], env: { ...ACCOUNTING, OTEL_EBPF_BPF_CONTEXT_PROPAGATION: 'disabled' } });
  const commands = 20_000;
  // 20 clients, 32 commands in each write, values of 2,000 bytes: reads end anywhere.
  const load = ['-p', String(REDIS_PORT), '-n', String(commands), '-c', '20', '-P', '32', '-d', '2000', '-t', 'set', '-q'];
  await sandbox.run('benchmark', ['redis-benchmark', ...load]);
  const { spans, counters, faults, lost } = await finish(obi);
  expect({ lost, faults: faults.redis }).toEqual({ lost: [], faults: NO_FAULTS });
  const counted = spans
    .filter((span) => /^(PIPELINE )?SET$/.test(String(operation(span))))
    .reduce((sum, span) => sum + Number(span.attributes['db.operation.batch.size'] ?? 1), 0);
  expect({ counted, counters }).toEqual({ counted: commands, counters: expect.anything() });
});

testUnless(lacking)('connections that were open before are followed from the next command on', async () => {
  await startRedis();
  // Its twenty connections stay; it ends with the sandbox.
  const load = ['-p', String(REDIS_PORT), '-n', '1000000000', '-c', '20', '-P', '4', '-d', '500', '-t', 'set', '-q'];
  const benchmark = await sandbox.startOutside('benchmark', ['redis-benchmark', ...load]);
  const clients = async () =>
    Number(/connected_clients:(\d+)/.exec(await sandbox.run('redis-cli', ['redis-cli', '-p', String(REDIS_PORT), 'info', 'clients']))?.[1]);
  await benchmark.until('its twenty connections were open', async () => (await clients()) >= 21);
  const obi = await Obi.start(sandbox, { plugins: probe, ports: [REDIS_PORT], env: { ...ACCOUNTING, OTEL_EBPF_BPF_CONTEXT_PROPAGATION: 'disabled' } });
  const isSet = (span: PrintedSpan) => operation(span) === 'PIPELINE SET';
  expect((await obi.waitForSpans(500, 15, isSet)).length).toBeGreaterThanOrEqual(500);
  const { spans, counters, faults } = await finish(obi);
  expect({ faults: faults.redis, desync: counters.redis?.['desync'] ?? 0 }).toEqual({ faults: NO_FAULTS, desync: 0 });
  const followed = spans.filter(isSet);
  expect(new Set(followed.map(({ attributes }) => attributes['client.port'])).size).toBe(20);
  expect(followed.filter(({ attributes }) => attributes['db.operation.batch.size'] !== 4)).toEqual([]);
});

/** A subscriber that is sent three messages, and a client that goes on after an error. */
const SUBSCRIBER = `
import socket
def client(*commands):
    connection = socket.create_connection(("127.0.0.1", ${REDIS_PORT}))
    for command in commands:
        words = command.split()
        connection.sendall(b"*%d\\r\\n" % len(words) + b"".join(b"$%d\\r\\n%s\\r\\n" % (len(w), w) for w in words))
        connection.recv(4096)
    return connection
subscriber = client(b"subscribe news")
client(b"PUBLISH news 1", b"PUBLISH news 2", b"PUBLISH news 3")
heard = b""
while heard.count(b"message") < 3:
    heard += subscriber.recv(4096)
client(b"NOSUCH", b"GET a", b"DEL a")
`;

testUnless(lacking)('after SUBSCRIBE a connection is left alone; an error is that of its own command', async () => {
  await startRedis();
  const obi = await Obi.start(sandbox, { plugins: probe, ports: [REDIS_PORT], env: { ...ACCOUNTING, OTEL_EBPF_BPF_CONTEXT_PROPAGATION: 'disabled' } });
  await sandbox.run('subscriber', ['python3', '-c', SUBSCRIBER]);
  await obi.waitForSpans(7);
  const { spans, counters } = await finish(obi);
  const seen = spans.sort(byTime).map((span) => [operation(span), span.attributes['error.type']]);
  expect(seen).toEqual([['subscribe', undefined], ...Array(3).fill(['PUBLISH', undefined]), ['NOSUCH', 'ERR'], ['GET', undefined], ['DEL', undefined]]);
  expect(counters.redis).toMatchObject({ stream: 1 });
});

testUnless(lacking)('server_spans: false leaves servers alone', async () => {
  await startRedis();
  const obi = await Obi.start(sandbox, {
    plugins: probe,
    ports: [REDIS_PORT],
    args: ['--config', path.join(probe, 'test/live/clients-only.yaml')],
    env: ACCOUNTING,
  });
  await sandbox.run('redis-cli', ['redis-cli', '-p', String(REDIS_PORT), 'ping']);
  const { spans, code } = await finish(obi);
  expect({ code, spans }).toEqual({ code: 0, spans: [] });
});

testUnless(lacking)('obi record keeps what probe-kit replays', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'obi-record-'));
  try {
    const out = path.join(folder, 'shop.json');
    await startRedis();
    const port = await startShop();
    const obi = await Obi.start(sandbox, {
      plugins: `http,${probe}`,
      ports: [port, REDIS_PORT],
      args: ['record', '--probe', 'redis', '--out', out],
      env: { OTEL_EBPF_BPF_CONTEXT_PROPAGATION: 'disabled' },
    });
    expect((await loadIn(sandbox, { url: `http://127.0.0.1:${port}`, requests: ASKED.length })).errors).toEqual([]);
    expect(await obi.stop()).toMatchObject({ code: 0, spans: [] });
    const records = readRecordedEvents(out);
    const spans = replay(definition, records);
    expect(spans).toHaveLength(records.length);
    const clients = spans.filter(({ kind }) => kind === CLIENT).sort((a, b) => Number((a.startNs ?? 0n) - (b.startNs ?? 0n)));
    expect(clients.map(({ name }) => name)).toEqual(['PING', ...ASKED.flat()]);
    // How the committed fixture is renewed: OBI_TEST_RECORD=examples/third-party-probe/test/fixtures/shop.json
    if (process.env.OBI_TEST_RECORD) copyFileSync(out, process.env.OBI_TEST_RECORD);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

testUnless(lacking)('obi record ends by itself: after so many records, after so many seconds', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'obi-record-'));
  try {
    const out = path.join(folder, 'records.json');
    await startRedis();
    for (const [limit, records] of [
      ['--max', 3],
      ['--seconds', 0],
    ] as const) {
      const obi = await Obi.start(sandbox, { plugins: probe, ports: [REDIS_PORT], args: ['record', '--out', out, limit, String(records || 1)] });
      if (records > 0) await sandbox.run('benchmark', ['redis-benchmark', '-p', String(REDIS_PORT), '-n', '50', '-c', '1', '-t', 'get', '-q']);
      expect(await obi.proc.exited).toMatchObject({ code: 0 });
      expect(readRecordedEvents(out)).toHaveLength(records);
      expect(obi.proc.lines.filter(({ text }) => /ERROR|lost:/.test(text))).toEqual([]);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
