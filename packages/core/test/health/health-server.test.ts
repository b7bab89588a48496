// SPDX-License-Identifier: Apache-2.0
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { HEALTH_SCHEMA_VERSION, HealthServer } from '../../src/health/health-server.js';
import type { AgentStatus } from '../../src/lifecycle/agent.js';
import { silentLogger } from '../../src/logging/silent-logger.js';

const STATUS: AgentStatus = {
  tap: 'syscalls',
  propagation: 'headers',
  limits: ['propagation stays off for java: FIONREAD answers 0 on this kernel'],
  probes: ['http'],
  refusals: [{ probe: 'go', package: '@obi/probe-go', code: 'OBI_ERR_PROBE_OBJECT_MISSING', reason: 'no object', remedy: 'rebuild it' }],
  processes: 3,
  unknownProcess: 0,
  records: 1_000_000,
  counters: { core: { lost: 2 }, http: {} },
  missedRuns: {},
  faults: {},
  exporters: { otlp: { spans: 5, exported: 3, dropped: { queue_full: 1 }, failedRequests: 0, heldSpans: 1, heldBytes: 90 } },
};

let health: HealthServer;
let status: () => AgentStatus;
beforeEach(async () => {
  status = () => STATUS;
  health = await HealthServer.start(0, () => status(), silentLogger);
});
afterEach(() => health[Symbol.asyncDispose]());

const get = (path = '/healthz', method = 'GET') => fetch(`http://127.0.0.1:${health.port}${path}`, { method });

test('says all that the agent says, and how long it runs', async () => {
  const before = Math.floor(Date.now() / 1000);
  const response = await get();
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json']);
  const { schemaVersion, unixTime, uptimeSeconds, state, ...rest } = (await response.json()) as Record<string, number>;
  expect([schemaVersion, state]).toEqual([HEALTH_SCHEMA_VERSION, 'running']);
  expect(rest).toEqual(STATUS);
  expect(unixTime).toBeGreaterThanOrEqual(before);
  expect(Math.abs((uptimeSeconds as number) - process.uptime())).toBeLessThan(10);
});

test('a query does no harm, HEAD has no body', async () => {
  expect((await get('/healthz?verbose')).status).toBe(200);
  const head = await get('/healthz', 'HEAD');
  expect([head.status, await head.text()]).toEqual([200, '']);
});

test.each([
  ['/', 'GET'],
  ['/healthz/', 'GET'],
  ['/metrics', 'GET'],
  ['/healthz', 'POST'],
])('%s %s is not found', async (path, method) => expect((await get(path, method)).status).toBe(404));

test('503 while stopping, without asking the agent', async () => {
  status = () => {
    throw new Error('asked');
  };
  health.stopping();
  const response = await get();
  expect([response.status, await response.json()]).toEqual([503, expect.objectContaining({ state: 'stopping', schemaVersion: HEALTH_SCHEMA_VERSION })]);
});

test('503 with the reason when the status cannot be read', async () => {
  status = () => {
    throw new Error('map is closed');
  };
  const response = await get();
  expect([response.status, await response.json()]).toEqual([503, expect.objectContaining({ state: 'failing', reason: 'map is closed' })]);
});

test('a port that is taken is an error that names it', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const { port } = other.address() as AddressInfo;
  await expect(HealthServer.start(port, status, silentLogger)).rejects.toMatchObject({
    code: 'OBI_ERR_HEALTH_PORT',
    message: expect.stringContaining(`127.0.0.1:${port}`),
  });
  other.close();
});

test('disposal ends open connections and frees the port; again is no error', async () => {
  const { port } = health;
  const socket = connect(port, '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
  const ended = new Promise((resolve) => socket.once('close', resolve));
  await health[Symbol.asyncDispose]();
  await ended;
  await health[Symbol.asyncDispose]();
  await using next = await HealthServer.start(port, status, silentLogger);
  expect(next.port).toBe(port);
});
