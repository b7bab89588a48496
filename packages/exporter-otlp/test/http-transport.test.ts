// SPDX-License-Identifier: Apache-2.0
/** What kind of peer answers: HTTPS with a private authority and a client certificate (openssl makes them), and a gRPC port. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DEFAULT_OTLP_CONFIG, type OtlpTls } from '../src/config/otlp-config.js';
import { HttpTransport } from '../src/export/http-transport.js';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
if (!hasOpenssl) console.warn('skipped: openssl is missing');

(hasOpenssl ? describe : describe.skip)('TLS', () => {
  let folder: string;
  let server: https.Server;
  let clients: string[];
  const file = (name: string): string => path.join(folder, name);

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'obi-tls-'));
    const subject = ['-subj', '/CN=obi-test', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file('key.pem'), '-out', file('cert.pem'), ...subject],
      { stdio: 'ignore' },
    );
    const [key, cert] = [readFileSync(file('key.pem')), readFileSync(file('cert.pem'))];
    clients = [];
    server = https.createServer({ key, cert, ca: cert, requestCert: true, rejectUnauthorized: true }, (request, response) => {
      clients.push(request.headers['content-type'] ?? '');
      request.resume().on('end', () => response.end());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  });

  async function send(tls: OtlpTls) {
    const endpoint = `https://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`;
    using transport = new HttpTransport({ ...DEFAULT_OTLP_CONFIG, endpoint, tls }, '1');
    return await transport.send(Buffer.from('x'));
  }

  test('sends with the certificates that are configured', async () => {
    const result = await send({ certificate: file('cert.pem'), clientKey: file('key.pem'), clientCertificate: file('cert.pem') });
    expect(result).toEqual({ outcome: 'accepted', partial: undefined });
    expect(clients).toEqual(['application/x-protobuf']);
  });

  test('does not send to a receiver that it cannot trust', async () => {
    const result = await send({ clientKey: file('key.pem'), clientCertificate: file('cert.pem') });
    expect(result).toMatchObject({ outcome: 'unavailable', reason: expect.stringMatching(/self-signed/) });
    expect(clients).toHaveLength(1);
  });

  test('is not let in without the client certificate', async () => {
    expect(await send({ certificate: file('cert.pem') })).toMatchObject({ outcome: 'unavailable' });
    expect(clients).toHaveLength(1);
  });

  test('a file that is missing is named', async () => {
    await expect(send({ certificate: '/nonexistent/ca.pem' })).rejects.toThrow('/nonexistent/ca.pem');
  });
});

test('an HTTP/2 port, such as that of gRPC, is recognised', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined).resume();
    socket.write(Buffer.from('00001204000000000000030000006400040000ffff', 'hex')); // a SETTINGS frame
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  using transport = new HttpTransport({ ...DEFAULT_OTLP_CONFIG, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }, '1');
  expect(await transport.send(Buffer.from('x'))).toMatchObject({ outcome: 'unavailable', reason: expect.stringMatching(/gRPC port/) });
  await new Promise((resolve) => server.close(resolve));
});
