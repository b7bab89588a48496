// SPDX-License-Identifier: Apache-2.0
/** The whole exporter against a local HTTP server. In every test, what was written is accounted for to the span. */
import { DEFAULT_OTLP_CONFIG, type OtlpConfig } from '../src/config/otlp-config.js';
import { OtlpExporter } from '../src/otlp-exporter.js';
import { directoryOf, hexId, recordingLog, resource, writeSpan } from './support/fixtures.js';
import { encodeGoogleStatus, encodeTraceResponse } from './support/otlp-decoder.js';
import { type Answer, Receiver } from './support/receiver.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
/** Limits that no test is about: a busy machine must not reach them. */
const AMPLE = 60_000;
jest.setTimeout(AMPLE);
const retry = { initialMs: 20, maxMs: 100, giveUpAfterMs: AMPLE };
const directory = directoryOf({ 1: resource(0, { 'service.name': 'shop' }) });

let receiver: Receiver;
let exporters: OtlpExporter[];

beforeEach(async () => {
  exporters = [];
  receiver = await Receiver.start();
});

afterEach(async () => {
  for (const exporter of exporters) {
    const { spans, exported, dropped, heldSpans } = exporter.stats();
    expect(exported + Object.values(dropped).reduce((a, b) => a + b, 0) + heldSpans).toBe(spans);
    await exporter[Symbol.asyncDispose]();
    expect(exporter.stats()).toMatchObject({ heldSpans: 0, heldBytes: 0 });
  }
  await receiver[Symbol.asyncDispose]();
});

function start(config: Partial<OtlpConfig> = {}) {
  const log = recordingLog();
  const full = { ...DEFAULT_OTLP_CONFIG, endpoint: receiver.endpoint, retry, timeoutMs: AMPLE, shutdownTimeoutMs: AMPLE, ...config };
  const exporter = new OtlpExporter({ config: full, directory, log, version: '9.9.9' });
  exporters.push(exporter);
  let next = 1;
  const write = (count: number, name = 'GET /') => {
    for (let i = 0; i < count; i++) writeSpan(exporter.writer, 1, { trace: TRACE, span: hexId(next++, 8) }, (w) => w.name(name));
  };
  return { exporter, log, write };
}

async function until(condition: () => boolean, timeoutMs = AMPLE / 2): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error('condition was not met in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('sending', () => {
  test('posts protobuf with the configured headers and says who it is', async () => {
    const { exporter, write } = start({ headers: { authorization: 'Bearer x' } });
    write(3);
    await exporter.flush(AMPLE);
    const [request] = receiver.requests;
    expect(request?.path).toBe('/v1/traces');
    expect(request?.headers).toMatchObject({
      'content-type': 'application/x-protobuf',
      authorization: 'Bearer x',
      'user-agent': 'OTel-OTLP-Exporter-obi/9.9.9',
      'content-length': String(request?.size),
    });
    expect(request?.headers['content-encoding']).toBeUndefined();
    expect(request?.spans.map((span) => span.spanId)).toEqual([1, 2, 3].map((id) => hexId(id, 8)));
    expect(exporter.stats()).toEqual({ spans: 3, exported: 3, dropped: {}, failedRequests: 0, heldSpans: 0, heldBytes: 0 });
  });

  test('a full batch goes out by itself: by number of spans', async () => {
    const { exporter, write } = start({ maxBatchSpans: 10 });
    write(25);
    await until(() => exporter.stats().exported === 20);
    expect(receiver.requests.map((r) => r.spans.length)).toEqual([10, 10]);
    expect(exporter.stats()).toMatchObject({ heldSpans: 5 });
  });

  test('a full batch goes out by itself: by size', async () => {
    const { write } = start({ maxBatchBytes: 10_000 });
    write(4, 'x'.repeat(5_000));
    await until(() => receiver.requests.length === 2);
    expect(receiver.requests.map((r) => r.spans.length)).toEqual([2, 2]);
  });

  test('a batch that does not fill goes out when its time has come', async () => {
    const { exporter, write } = start({ scheduleDelayMs: 50 });
    write(1);
    exporter.tick();
    exporter.tick();
    expect(exporter.stats().heldSpans).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 60));
    exporter.tick();
    await until(() => receiver.accepted.length === 1);
  });

  test('connections are kept and few', async () => {
    const { exporter, write } = start({ maxBatchSpans: 5 });
    for (let i = 0; i < 20; i++) {
      write(10);
      await exporter.flush(AMPLE);
    }
    expect(receiver.requests).toHaveLength(40);
    expect(receiver.connections).toBeLessThanOrEqual(4);
  });

  test('gzip', async () => {
    const { exporter, write } = start({ compression: 'gzip' });
    write(200);
    receiver.answers = [{ status: 503 }]; // compressed once, sent twice
    await exporter.flush(AMPLE);
    expect(receiver.requests).toHaveLength(2);
    expect(receiver.requests[1]?.headers['content-encoding']).toBe('gzip');
    expect(receiver.requests[1]?.size).toBeLessThan(200 * 50);
    expect(receiver.accepted).toHaveLength(200);
  });
});

describe('failures', () => {
  test.each<[string, Answer, Partial<OtlpConfig>]>([
    ['429', { status: 429 }, {}],
    ['502', { status: 502 }, {}],
    ['503', { status: 503 }, {}],
    ['504', { status: 504 }, {}],
    ['a connection that is closed', { hangUp: true }, {}],
    ['no answer in time', { silent: true }, { timeoutMs: 300 }],
  ])('%s is tried again and mended', async (_, answer, config) => {
    const { exporter, write, log } = start(config);
    receiver.answers = [answer, answer];
    write(7);
    await exporter.flush(AMPLE);
    expect(receiver.requests).toHaveLength(3);
    expect(receiver.accepted).toHaveLength(7);
    expect(exporter.stats()).toMatchObject({ exported: 7, dropped: {}, failedRequests: 2 });
    expect(log.lines.map((line) => line.level)).toEqual(['warn', 'info']);
  });

  test('a timeout of 0 is no limit', async () => {
    const { exporter, write } = start({ timeoutMs: 0 });
    receiver.answers = [{ afterMs: 100 }];
    write(2);
    await exporter.flush(AMPLE);
    expect(receiver.requests).toHaveLength(1);
    expect(exporter.stats()).toMatchObject({ exported: 2, failedRequests: 0 });
  });

  test('the wait grows, and Retry-After is honoured', async () => {
    const { exporter, write } = start({ retry: { ...retry, initialMs: 40, maxMs: 1000 } });
    receiver.answers = [{ status: 503 }, { status: 503 }, { status: 429, headers: { 'retry-after': '1' } }];
    write(1);
    await exporter.flush(AMPLE);
    const [first = 0, second = 0, third = 0, fourth = 0] = receiver.requests.map((r) => r.at);
    expect(second - first).toBeGreaterThanOrEqual(30);
    expect(third - second).toBeGreaterThanOrEqual(60);
    expect(fourth - third).toBeGreaterThanOrEqual(990);
    expect(receiver.accepted).toHaveLength(1);
  });

  test('a flush cuts our own wait short, but not one that the receiver asked for', async () => {
    const { exporter, write } = start({ retry: { initialMs: AMPLE, maxMs: AMPLE, giveUpAfterMs: AMPLE }, shutdownTimeoutMs: 10 });
    receiver.answers = [{ status: 503 }, { status: 503, headers: { 'retry-after': '60' } }];
    write(1);
    await exporter.flush(0);
    await until(() => exporter.stats().failedRequests === 1);
    expect(receiver.requests).toHaveLength(1);
    await exporter.flush(0);
    await until(() => exporter.stats().failedRequests === 2);
    expect(receiver.requests).toHaveLength(2);
    await exporter.flush(100);
    expect(receiver.requests).toHaveLength(2);
    expect(exporter.stats()).toMatchObject({ heldSpans: 1, exported: 0 });
  });

  test('while the receiver is down one request at a time asks for it; then all are sent, in order of their batches', async () => {
    const { exporter, write } = start({ maxBatchSpans: 1 });
    receiver.always = { status: 503 };
    write(50);
    await until(() => receiver.requests.length >= 8);
    // Four were under way together; from then on each waits for the answer to the one before, and then for its time.
    const [fifth = 0, sixth = 0, seventh = 0] = receiver.requests.slice(4).map((r) => r.at);
    expect(sixth - fifth).toBeGreaterThan(10);
    expect(seventh - sixth).toBeGreaterThan(10);
    receiver.always = undefined;
    await exporter.flush(AMPLE);
    expect(receiver.accepted).toHaveLength(50);
    expect(exporter.stats()).toMatchObject({ exported: 50, dropped: {} });
  });

  test('a receiver that stays away: given up after the configured time, and counted', async () => {
    const { exporter, write, log } = start({ retry: { ...retry, giveUpAfterMs: 100 } });
    receiver.always = { status: 503, body: encodeGoogleStatus(14, 'overloaded') };
    write(5);
    await exporter.flush(AMPLE);
    expect(exporter.stats()).toMatchObject({ exported: 0, dropped: { unavailable: 5 }, heldSpans: 0 });
    expect(log.lines[0]?.message).toMatch(/HTTP 503: overloaded/);
    expect(log.lines).toHaveLength(2); // unavailable, spans lost
  });

  test('nothing listens there', async () => {
    const { exporter, write, log } = start({ endpoint: 'http://127.0.0.1:9/v1/traces', retry: { ...retry, giveUpAfterMs: 100 } });
    write(2);
    await exporter.flush(AMPLE);
    expect(exporter.stats().dropped).toEqual({ unavailable: 2 });
    expect(log.lines[0]?.message).toMatch(/ECONNREFUSED/);
  });

  test('an answer that will not change is not tried again, and logged once', async () => {
    const { exporter, write, log } = start({ maxBatchSpans: 1 });
    receiver.always = { status: 401, body: encodeGoogleStatus(16, 'who are you?') };
    write(3);
    await exporter.flush(AMPLE);
    expect(receiver.requests).toHaveLength(3);
    expect(exporter.stats()).toMatchObject({ dropped: { refused: 3 }, failedRequests: 3 });
    expect(log.lines).toEqual([{ level: 'error', message: 'OTLP receiver refuses spans: HTTP 401: who are you?' }]);
  });

  test('partial success: counted to the span, each message logged once', async () => {
    const { exporter, write, log } = start({ maxBatchSpans: 10 });
    receiver.answers = [
      { body: encodeTraceResponse(4, 'too old') },
      { body: encodeTraceResponse(1, 'too old') },
      { body: encodeTraceResponse(0, 'mind the quota') },
    ];
    write(30);
    await exporter.flush(AMPLE);
    expect(exporter.stats()).toMatchObject({ exported: 25, dropped: { partial_success: 5 }, failedRequests: 0 });
    expect(log.lines.map((line) => line.message)).toEqual([expect.stringContaining('too old'), expect.stringContaining('mind the quota')]);
  });

  test.each(['', '\x0a\x05\x08', '\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff', 'OK'])('an answer of nonsense (%j) counts as success', async (body) => {
    const { exporter, write } = start();
    receiver.answers = [{ body: Buffer.from(body, 'latin1') }];
    write(1);
    await exporter.flush(AMPLE);
    expect(exporter.stats()).toMatchObject({ exported: 1, dropped: {} });
  });

  test.each<[string, Answer, string]>([
    ['a page', { headers: { 'content-type': 'text/html; charset=utf-8' }, body: '<!doctype html><title>Sign in</title>' }, 'text/html, "<!doctype html>'],
    ['plain text', { headers: { 'content-type': 'text/plain' }, body: 'It works!' }, 'text/plain, "It works!'],
    ['JSON that is no object', { headers: { 'content-type': 'application/json' }, body: '"ok"' }, 'application/json'],
  ])('success with %s is no success: counted, logged once, not tried again', async (_, answer, shown) => {
    const { exporter, write, log } = start({ maxBatchSpans: 1 });
    receiver.answers = [1, 2, 3].map((n) => ({ ...answer, body: `${answer.body}${answer.body === '"ok"' ? '' : n}` }));
    write(3);
    await exporter.flush(AMPLE);
    expect(receiver.requests).toHaveLength(3);
    expect(exporter.stats()).toMatchObject({ exported: 0, dropped: { refused: 3 }, failedRequests: 3 });
    expect(log.lines).toEqual([{ level: 'error', message: expect.stringContaining(`OTLP receiver refuses spans: HTTP 200 with content type ${shown}`) }]);
  });

  test.each<[string, Answer, number]>([
    ['nothing, of another type', { headers: { 'content-type': 'text/plain' } }, 0],
    ['JSON, though protobuf was asked for', { headers: { 'content-type': 'application/json' }, body: '{}' }, 0],
    [
      'JSON with a partial success',
      { headers: { 'content-type': 'Application/JSON;charset=utf-8' }, body: '{"partialSuccess":{"rejectedSpans":"2","errorMessage":"old"}}' },
      2,
    ],
  ])('success with %s is one', async (_, answer, rejected) => {
    const { exporter, write } = start();
    receiver.answers = [answer];
    write(5);
    await exporter.flush(AMPLE);
    expect(exporter.stats()).toMatchObject({ exported: 5 - rejected, dropped: rejected > 0 ? { partial_success: rejected } : {}, failedRequests: 0 });
  });

  test('a full queue drops what is new, and the bound holds', async () => {
    const { exporter, write, log } = start({ maxBatchSpans: 1, maxQueueBytes: 20_000, retry: { initialMs: AMPLE, maxMs: AMPLE, giveUpAfterMs: AMPLE } });
    receiver.always = { status: 503 };
    let highest = 0;
    for (let i = 0; i < 100; i++) {
      write(1, 'x'.repeat(900));
      highest = Math.max(highest, exporter.stats().heldBytes);
    }
    await until(() => exporter.stats().failedRequests === 4);
    expect(highest).toBeLessThanOrEqual(20_000);
    const { dropped, heldSpans } = exporter.stats();
    expect(heldSpans).toBeGreaterThan(15);
    expect(dropped).toEqual({ queue_full: 100 - heldSpans });
    expect(log.lines.filter((line) => line.message.includes('queue_full'))).toHaveLength(1);
    receiver.always = undefined;
    await exporter.flush(AMPLE);
    expect(receiver.accepted.map((span) => Number.parseInt(span.spanId, 16)).sort((a, b) => a - b)).toEqual(Array.from({ length: heldSpans }, (_, i) => i + 1));
  });
});

describe('shutdown', () => {
  test('sends what is held', async () => {
    const { exporter, write } = start();
    write(11);
    await exporter[Symbol.asyncDispose]();
    expect(receiver.accepted).toHaveLength(11);
  });

  test('gives up in time when the receiver does not answer, and counts', async () => {
    const { exporter, write } = start({ shutdownTimeoutMs: 50 }); // the request's own limit is far longer
    receiver.always = { silent: true };
    write(4);
    await exporter[Symbol.asyncDispose]();
    expect(exporter.stats()).toMatchObject({ exported: 0, dropped: { shutdown: 4 }, heldSpans: 0, heldBytes: 0 });
  });

  test('spans that come later are counted, not sent', async () => {
    const { exporter, write } = start({ maxBatchSpans: 1 });
    await exporter[Symbol.asyncDispose]();
    write(2);
    expect(exporter.stats()).toMatchObject({ spans: 2, dropped: { shutdown: 2 } });
    expect(receiver.requests).toHaveLength(0);
  });
});
