// SPDX-License-Identifier: Apache-2.0
/** One POST of a request body: OTLP/HTTP over node:http, with connections kept open. */
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { errors } from '@obi/core';
import type { OtlpConfig } from '../config/otlp-config.js';
import { readTlsFiles, type TlsMaterial } from '../config/tls-files.js';
import { classify, type SendResult } from './classify.js';

/** Sends bodies; never rejects. Replaceable in tests. */
export interface Transport extends Disposable {
  /** When the outcome is `accepted`, nothing reads `body` any more. */
  send(body: Buffer): Promise<SendResult>;
}

const MAX_RESPONSE_BYTES = 64 * 1024;

export class HttpTransport implements Transport {
  private readonly agent: http.Agent;
  private readonly request: typeof http.request;
  private readonly url: URL;
  private readonly headers: Record<string, string>;

  /** @throws ObiError `OBI_ERR_CONFIG_INVALID` when a TLS file cannot be read or does not hold what it should. */
  constructor(
    private readonly config: OtlpConfig,
    version: string,
  ) {
    this.url = new URL(config.endpoint);
    const pool = { keepAlive: true, maxSockets: config.maxConcurrentRequests, scheduling: 'lifo' } as const;
    const secure = this.url.protocol === 'https:';
    this.agent = secure ? new https.Agent({ ...pool, ...tlsMaterial(config) }) : new http.Agent(pool);
    this.request = secure ? https.request : http.request;
    this.headers = {
      'user-agent': `OTel-OTLP-Exporter-obi/${version}`,
      ...config.headers,
      'content-type': 'application/x-protobuf',
      ...(config.compression === 'gzip' ? { 'content-encoding': 'gzip' } : {}),
    };
  }

  async send(body: Buffer): Promise<SendResult> {
    try {
      const response = await this.post(body);
      return classify(response.status, response.headers, response.body);
    } catch (error) {
      return { outcome: 'unavailable', reason: describe(error as NodeJS.ErrnoException, this.url), retryAfterMs: undefined };
    }
  }

  [Symbol.dispose](): void {
    this.agent.destroy();
  }

  private post(body: Buffer): Promise<{ status: number; headers: IncomingMessage['headers']; body: Buffer }> {
    return new Promise((resolve, reject) => {
      const headers = { ...this.headers, 'content-length': String(body.length) };
      const request = this.request(this.url, { method: 'POST', agent: this.agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size <= MAX_RESPONSE_BYTES) chunks.push(chunk);
        });
        response.on('end', () => {
          const answer = { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
          const done = (): void => {
            clearTimeout(timer);
            resolve(answer);
          };
          // An answer may come before the body is out; the body is not free until then.
          if (request.writableFinished) done();
          else request.once('finish', done);
        });
        response.on('error', fail);
      });
      const fail = (error: Error): void => {
        clearTimeout(timer);
        reject(error);
      };
      const { timeoutMs } = this.config;
      const timer = timeoutMs === 0 ? undefined : setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
      request.on('error', fail);
      request.end(body);
    });
  }
}

function describe(error: NodeJS.ErrnoException, url: URL): string {
  if (error.code?.startsWith('HPE_') === true) return `${url.host} does not speak HTTP/1.1; is it the receiver's gRPC port? (${error.code})`;
  return error.message === '' ? (error.code ?? error.name) : error.message;
}

function tlsMaterial({ tls }: OtlpConfig): TlsMaterial {
  const problems: string[] = [];
  const material = readTlsFiles(tls, (setting, text) => problems.push(`tls.${setting} ${text}`));
  if (problems.length > 0) throw errors.configInvalid(problems);
  return material;
}
