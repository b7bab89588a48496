// SPDX-License-Identifier: Apache-2.0
/** An HTTP server that plays the receiver: answers what the test scripted and decodes what it got. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { type DecodedSpan, decodeRequest } from './otlp-decoder.js';

export interface Answer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer | string;
  /** Close the connection instead of answering. */
  readonly hangUp?: boolean;
  /** Answer so many milliseconds later. */
  readonly afterMs?: number;
  /** Never answer. */
  readonly silent?: boolean;
}

export interface Received {
  readonly at: number;
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly size: number;
  readonly spans: DecodedSpan[];
}

export class Receiver implements AsyncDisposable {
  readonly requests: Received[] = [];
  /** Taken one by one; when there is none, the answer is 200. */
  answers: Answer[] = [];
  /** Given to every request while set. */
  always: Answer | undefined;
  connections = 0;
  private readonly server = http.createServer((request, response) => void this.handle(request, response));

  static async start(port = 0): Promise<Receiver> {
    const receiver = new Receiver();
    receiver.server.on('connection', () => receiver.connections++);
    await new Promise<void>((resolve) => receiver.server.listen(port, '127.0.0.1', resolve));
    return receiver;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}/v1/traces`;
  }

  /** Spans of the requests that were answered with success. */
  readonly accepted: DecodedSpan[] = [];

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const raw = Buffer.concat(chunks);
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
    const spans = decodeRequest(body).flatMap((resource) => resource.spans);
    this.requests.push({ at: performance.now(), path: request.url ?? '', headers: request.headers, size: raw.length, spans });
    const answer = this.always ?? this.answers.shift() ?? {};
    if (answer.silent) return;
    if (answer.hangUp) {
      request.socket.destroy();
      return;
    }
    if (answer.afterMs !== undefined) await new Promise((resolve) => setTimeout(resolve, answer.afterMs));
    const status = answer.status ?? 200;
    if (status < 300) this.accepted.push(...spans);
    response.writeHead(status, { 'content-type': 'application/x-protobuf', ...answer.headers });
    response.end(answer.body ?? '');
  }
}
