// SPDX-License-Identifier: Apache-2.0
/** `/healthz`: whether obi runs, what it cannot do and why, and what it counted. Answers on the loopback address only. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { healthPort } from '../errors.js';
import type { AgentStatus } from '../lifecycle/agent.js';
import type { Logger } from '../logging/logger.js';

const LOOPBACK = '127.0.0.1';
const PATH = '/healthz';
/** Raised when a field changes its meaning or goes away; new fields do not raise it. */
export const HEALTH_SCHEMA_VERSION = 1;

/** The body of an answer with status 200. */
export interface HealthReport extends AgentStatus {
  readonly schemaVersion: number;
  readonly state: 'running';
  /** Seconds since the epoch. */
  readonly unixTime: number;
  readonly uptimeSeconds: number;
}

/**
 * GET or HEAD `/healthz` is answered with 200 and a {@link HealthReport} as long as obi runs; with 503 and `state: stopping` after {@link stopping}, or with
 * `state: failing` and the reason when the status cannot be read. Everything else is 404. The server does not keep the process alive.
 */
export class HealthServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #status: () => AgentStatus;
  readonly #log: Logger;
  #stopping = false;

  private constructor(status: () => AgentStatus, log: Logger) {
    this.#status = status;
    this.#log = log;
    this.#server = createServer({ keepAliveTimeout: 1000, requestTimeout: 5000, maxHeaderSize: 8192 }, (request, response) => this.#answer(request, response));
    this.#server.unref();
  }

  /**
   * @param port of 127.0.0.1; 0 takes a free one (see {@link port}).
   * @param status asked once per request.
   * @throws ObiError OBI_ERR_HEALTH_PORT when the port cannot be had.
   */
  static async start(port: number, status: () => AgentStatus, log: Logger): Promise<HealthServer> {
    const health = new HealthServer(status, log);
    await new Promise<void>((resolve, reject) => {
      health.#server.once('error', (cause) => reject(healthPort(`${LOOPBACK}:${port}`, cause)));
      health.#server.listen(port, LOOPBACK, resolve);
    });
    health.#server.on('error', (err) => log.error('health: the server failed', { err }));
    log.debug('health: listening', { url: `http://${LOOPBACK}:${health.port}${PATH}` });
    return health;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0;
  }

  /** From now on the answer is 503, and the status is not asked any more: call it before what it reads is taken down. */
  stopping(): void {
    this.#stopping = true;
  }

  /** Closes the port and all connections. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.stopping();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  #answer({ method, url = '' }: IncomingMessage, response: ServerResponse): void {
    const isOurs = (method === 'GET' || method === 'HEAD') && url.replace(/\?.*$/s, '') === PATH;
    const [code, body] = isOurs ? this.#report() : [404, { error: `there is only GET ${PATH} here` }];
    response.writeHead(code, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(`${JSON.stringify(body)}\n`);
  }

  #report(): [number, object] {
    const common = { schemaVersion: HEALTH_SCHEMA_VERSION, unixTime: Math.floor(Date.now() / 1000), uptimeSeconds: Math.floor(process.uptime()) };
    if (this.#stopping) return [503, { ...common, state: 'stopping' }];
    try {
      return [200, { ...common, state: 'running', ...this.#status() } satisfies HealthReport];
    } catch (err) {
      this.#log.warn('health: the status cannot be read', { err });
      return [503, { ...common, state: 'failing', reason: err instanceof Error ? err.message : String(err) }];
    }
  }
}
