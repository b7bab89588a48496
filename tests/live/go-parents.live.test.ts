// SPDX-License-Identifier: Apache-2.0
// probe-go: with 50 requests interleaved, every outgoing request joins the one that caused it. Judged by the ids that the services themselves saw.
// OBI_PARENTS_N: requests for each, default 200 (10000 for the record). OBI_GO_VERSIONS: toolchains besides this machine's, by number, comma-separated (default 1.18.10 and 1.27.4; `none`).
// OBI_GRPC_VERSIONS: versions of google.golang.org/grpc besides the one in its go.mod (default 1.40.0; `none`).
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { measure, startLeaves, startMiddle } from '../harness/parents.mjs';
import { certificate, goMiddle, grpcMiddle, lacking } from '../harness/parents-middles.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { testUnless } from './support/chain.js';
import { features, inVm, isSample, root } from './support/features.js';
import { expectAllRight, expectComplete, expectNeverWrong } from './support/verdicts.js';

const REQUESTS = Number(process.env.OBI_PARENTS_N ?? (isSample ? 60 : 200));
/** Of HTTP/2 and gRPC: in a virtual machine one connection's worth. */
const STREAMS = isSample ? 20 : REQUESTS;
const PLUGINS = `http,${path.join(root, 'packages/probe-go')}`;
const VERSIONS = isSample || process.env.OBI_GO_VERSIONS === 'none' ? [] : (process.env.OBI_GO_VERSIONS ?? '1.18.10,1.27.4').split(',');
const GRPC_VERSIONS = isSample || process.env.OBI_GRPC_VERSIONS === 'none' ? [] : (process.env.OBI_GRPC_VERSIONS ?? '1.40.0').split(',');

jest.setTimeout((180_000 + REQUESTS * 20) * (inVm ? 8 : 1));

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-go' });
});
afterEach(() => sandbox.dispose());

interface Ways {
  readonly env?: Readonly<Record<string, string>>;
  /** `probes.go.pools`. */
  readonly pools?: boolean;
}

let config: string;
beforeAll(() => {
  config = mkdtempSync(path.join(tmpdir(), 'obi-go-'));
  writeFileSync(path.join(config, 'pools.yaml'), 'probes:\n  go:\n    pools: true\n');
});
afterAll(() => rmSync(config, { recursive: true, force: true }));

async function run(program: string, { env = {}, pools = false }: Ways) {
  const middle = await startMiddle(sandbox, 'go', [program], await startLeaves(sandbox), { KEEPALIVE: '1', ...env });
  const obi = { plugins: PLUGINS, args: pools ? ['--config', path.join(config, 'pools.yaml')] : [] };
  const result = await measure(sandbox, middle, { requests: REQUESTS, concurrency: 50, keepAlive: env.KEEPALIVE !== '0', obi });
  expectComplete(result, REQUESTS);
  return result;
}

/** The header is written inside the process where the kernel lets that be, else by probe-http's carrier; never by both. */
const writes = () => features().probeWriteUser;
const written = (calls: number) => (writes() ? { parent_declared: calls, written: calls } : {});

async function allRight(program: string, ways: Ways = {}) {
  const result = await run(program, ways);
  expectAllRight(result);
  const carried = { go: result.counters.go?.written, http: result.counters.http?.injected };
  expect(carried).toEqual(writes() ? { go: result.calls, http: undefined } : { go: undefined, http: result.calls });
}

/** @returns calls by rule */
async function neverWrong(program: string, ways: Ways): Promise<Record<string, number>> {
  const result = await run(program, ways);
  expectNeverWrong(result);
  const { injected, written: inside, ...rules } = { ...result.counters.http, ...result.counters.go } as Record<string, number>;
  expect([injected, inside]).toEqual(writes() ? [undefined, result.calls] : [result.calls, undefined]);
  return rules;
}

const here = testUnless(lacking('go'));
const POOL = { POOL: '8', BUFFER: '64' };

/** Over TLS no header goes out where it cannot be written inside the process: carriers see encrypted bytes. Spans and incoming context are judged then. */
async function rightOverTls(program: string, { leaves = false, keepAlive = true }: { readonly leaves?: boolean; readonly keepAlive?: boolean } = {}) {
  const tls = certificate();
  const env = { ...tls, DEPTH: '10', KEEPALIVE: keepAlive ? '1' : '0' };
  const middle = await startMiddle(sandbox, 'go', [program], await startLeaves(sandbox, 2, leaves ? tls : {}), env);
  const result = await measure(sandbox, middle, { requests: REQUESTS, concurrency: 50, keepAlive, obi: { plugins: PLUGINS } });
  expectComplete(result, REQUESTS);
  expect(result.counters.go?.tls_unknown ?? 0).toBe(0);
  if (!leaves || writes()) return expectAllRight(result);
  expect(result.trace).toEqual({ right: 0, wrong: 0, unknown: result.calls, bare: result.calls, doubled: 0 });
  expect(result.own).toMatchObject({ right: result.calls, wrong: 0, unknown: 0, missing: 0 });
}

/** Its callers speak HTTP/2, twenty at a time on a connection; the calls that it makes are HTTP/1 in plaintext. */
async function rightOverHttp2(program: string, tls: Readonly<Record<string, string>> = certificate()) {
  const middle = await startMiddle(sandbox, 'go', [program], await startLeaves(sandbox), { ...tls, HTTP2: '1', DEPTH: '10', KEEPALIVE: '1' });
  const result = await measure(sandbox, middle, { requests: STREAMS, concurrency: 50, protocol: 'http2', obi: { plugins: PLUGINS } });
  expectComplete(result, STREAMS);
  expectAllRight(result);
  expect(result.counters.go).toEqual(written(result.calls));
  expect(result.spans.filter(({ status }) => status.code === 'ERROR')).toEqual([]);
  const servers = result.spans.filter(({ kind }) => kind === 2);
  expect(servers.map(({ attributes }) => attributes['network.protocol.version'])).toEqual(Array(STREAMS).fill('2'));
}

/** Its calls go out over HTTP/2, without header where it cannot be written inside the process: spans are judged then. @param streams on one connection: as many as there are calls */
async function rightToHttp2(program: string, streams: boolean) {
  const tls = certificate();
  const leaves = await startLeaves(sandbox, 2, { ...tls, HTTP2: '1' });
  const middle = await startMiddle(sandbox, 'go', [program], leaves, { ...tls, HTTP2: '1', DEPTH: '10', KEEPALIVE: streams ? '1' : '0' });
  const result = await measure(sandbox, middle, { requests: STREAMS, concurrency: 50, protocol: 'http2', obi: { plugins: PLUGINS } });
  expectComplete(result, STREAMS);
  if (writes()) expectAllRight(result);
  else expect(result.trace).toEqual({ right: 0, wrong: 0, unknown: result.calls, bare: result.calls, doubled: 0 });
  expect(result.own).toEqual({ right: result.calls, wrong: 0, unknown: 0, missing: 0 });
  expect(result.spans.map(({ attributes }) => attributes['network.protocol.version'])).toEqual(Array(3 * STREAMS).fill('2'));
  expect(result.counters.go).toEqual({ parent_declared: result.calls, ...written(result.calls) });
  expect(result.spans.filter(({ status }) => status.code === 'ERROR')).toEqual([]);
}

/** Its callers speak gRPC, in the same way. */
async function rightOverGrpc(program: string, env: Readonly<Record<string, string>> = {}) {
  const middle = await startMiddle(sandbox, 'grpc', [program], await startLeaves(sandbox), env);
  const result = await measure(sandbox, middle, { requests: STREAMS, concurrency: 50, protocol: 'grpc', obi: { plugins: PLUGINS } });
  expectComplete(result, STREAMS);
  const { trace, tree, calls, examples, spans } = result;
  expect({ examples, trace, tree }).toEqual({
    examples: [],
    trace: { right: calls, wrong: 0, unknown: 0, bare: 0, doubled: 0 },
    tree: { right: calls, wrong: 0, unknown: 0, missing: 0, copied: 0 },
  });
  expect(result.counters.go).toEqual(written(calls));
  const servers = spans.filter(({ kind }) => kind === 2).map(({ name, attributes }) => [name, attributes['rpc.response.status_code']]);
  expect(servers).toEqual(Array(STREAMS).fill(['parents.Middle/Ask', 'OK']));
}

/** Its calls go out over gRPC, too, without header where it cannot be written inside the process. @param keepAlive on one connection for each leaf: as many as there are calls */
async function rightToGrpc(program: string, tls: Readonly<Record<string, string>>, keepAlive = true) {
  const leaves = await startLeaves(sandbox, 2, { ...tls, HTTP2: '1' });
  const middle = await startMiddle(sandbox, 'grpc', [program], leaves, { ...tls, CALL: 'grpc', KEEPALIVE: keepAlive ? '1' : '0' });
  const result = await measure(sandbox, middle, { requests: STREAMS, concurrency: 50, protocol: 'grpc', obi: { plugins: PLUGINS } });
  expectComplete(result, STREAMS);
  if (writes()) expectAllRight(result);
  else expect(result.trace).toEqual({ right: 0, wrong: 0, unknown: result.calls, bare: result.calls, doubled: 0 });
  expect(result.own).toEqual({ right: result.calls, wrong: 0, unknown: 0, missing: 0 });
  expect(result.counters.go).toEqual({ parent_declared: result.calls, ...written(result.calls) });
  const calls = result.spans.filter(({ kind }) => kind === 3).map(({ name, attributes }) => [name.split('?')[0], attributes['rpc.response.status_code']]);
  expect(calls).toEqual(Array(result.calls).fill(['parents.Leaf/Ask', 'OK']));
}

here('TLS on both sides', () => rightOverTls(goMiddle(), { leaves: true }));
here('HTTP/2 over TLS on both sides', () => rightToHttp2(goMiddle(), true));
here('gRPC over TLS on both sides', () => rightToGrpc(grpcMiddle(), certificate()));

if (!isSample) {
  here('ten goroutines deep', () => allRight(goMiddle(), { env: { DEPTH: '10' } }));
  here('gRPC over TLS', () => rightOverGrpc(grpcMiddle(), certificate()));
  here('HTTP/2 over TLS', () => rightOverHttp2(goMiddle()));
  here('HTTP/2 over TLS on both sides, new connections', () => rightToHttp2(goMiddle(), false));
  here('gRPC in plaintext', () => rightOverGrpc(grpcMiddle()));
  here('gRPC in plaintext on both sides', () => rightToGrpc(grpcMiddle(), {}));
  here('gRPC on both sides, new connections', () => rightToGrpc(grpcMiddle(), {}, false));
  here('gRPC, served by workers', () => rightOverGrpc(grpcMiddle(), { WORKERS: '4' }));
  here('HTTP/2 in plaintext', () => rightOverHttp2(goMiddle(), {}));
  here('TLS of the server', () => rightOverTls(goMiddle()));
  here('TLS on both sides, new connections', () => rightOverTls(goMiddle(), { leaves: true, keepAlive: false }));
  here('calls on the goroutine of the handler, and on those that it starts', () => allRight(goMiddle()));
  here('a pool that takes work from a channel without a buffer; configured', () => allRight(goMiddle(), { env: { POOL: '32' }, pools: true }));
  here('new connections, both sides', () => allRight(goMiddle(), { env: { KEEPALIVE: '0', DEPTH: '1' } }));
  here('a pool that takes work from a buffer; configured', () => allRight(goMiddle(), { env: POOL, pools: true }));

  describe('unknown rather than wrong', () => {
    here('a pool that was started with the program', async () => {
      expect(await neverWrong(goMiddle(), { env: POOL })).toEqual({ orphan_no_request: 2 * REQUESTS });
    });
    here('a pool that is fed by a list', async () => {
      expect(await neverWrong(goMiddle(), { env: { ...POOL, QUEUE: '1' }, pools: true })).toMatchObject({ orphan_no_request: expect.any(Number) });
    });
    here('goroutines that pass resources on', async () => {
      const { parent_declared = 0, orphan_ambiguous = 0 } = await neverWrong(goMiddle(), { env: { DEPTH: '1', TOKENS: '4' } });
      expect(orphan_ambiguous).toBeGreaterThan(0);
      expect(parent_declared).toBeGreaterThan(0);
    });
    here('a pool that passes resources on', () => neverWrong(goMiddle(), { env: { ...POOL, TOKENS: '4' } }).then(() => {}));
    for (const pools of [false, true])
      here(`a pool that requests start${pools ? '; configured' : ''}`, async () => {
        const {
          parent_declared = 0,
          orphan_no_request = 0,
          orphan_ended = 0,
          orphan_ambiguous = 0,
        } = await neverWrong(goMiddle(), {
          env: { ...POOL, LAZY: '1' },
          pools,
        });
        expect(parent_declared + orphan_no_request + orphan_ended + orphan_ambiguous).toBe(2 * REQUESTS);
        if (pools) expect(parent_declared).toBeGreaterThan(REQUESTS);
        else expect(orphan_ended + orphan_ambiguous).toBeGreaterThan(REQUESTS);
      });
  });

  here('position-independent, stripped', () => allRight(goMiddle({ flags: ['-buildmode=pie', '-ldflags=-s -w'] }), { env: { DEPTH: '3' } }));
  here('TLS on both sides, position-independent, stripped', () => rightOverTls(goMiddle({ flags: ['-buildmode=pie', '-ldflags=-s -w'] }), { leaves: true }));
  here('with C, stripped', () => allRight(goMiddle({ flags: ['-ldflags=-s -w'], cgo: true }), { env: { DEPTH: '3' } }));
}

for (const version of GRPC_VERSIONS) {
  here(`gRPC ${version}`, () => rightOverGrpc(grpcMiddle(`v${version}`), certificate()));
  here(`gRPC ${version} on both sides`, () => rightToGrpc(grpcMiddle(`v${version}`), certificate()));
}

for (const version of VERSIONS) {
  const middle = () => goMiddle({ toolchain: `go${version}`, flags: ['-ldflags=-s -w'] });
  describe(`Go ${version}`, () => {
    here('ten goroutines deep, stripped', () => allRight(middle(), { env: { DEPTH: '10' } }));
    here('TLS on both sides, stripped', () => rightOverTls(middle(), { leaves: true }));
    here('HTTP/2 over TLS on both sides, stripped', () => rightToHttp2(middle(), true));
    // What the newest gRPC needs is newer than most releases of Go. Only where versions are asked for: each build takes a minute.
    const older = Number(version.split('.')[1]) < 26 ? 'v1.54.0' : undefined;
    if (process.env.OBI_GO_VERSIONS)
      here('gRPC over TLS on both sides, stripped', () =>
        rightToGrpc(grpcMiddle(older, { toolchain: `go${version}`, flags: ['-ldflags=-s -w'] }), certificate()),
      );
    here('a pool that takes work from a buffer; configured', () => allRight(middle(), { env: POOL, pools: true }));
  });
}
