// SPDX-License-Identifier: Apache-2.0
/** Broken TLS files are told at the start, by variable and file (openssl makes the sound ones). */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { otlpConfigFromEnvironment } from '../src/config/config-from-environment.js';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
if (!hasOpenssl) console.warn('skipped: openssl is missing');

(hasOpenssl ? describe : describe.skip)('TLS files', () => {
  let folder: string;
  const file = (name: string): string => path.join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore', cwd: folder });

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'obi-tls-'));
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=obi-test', '-days', '2'];
    openssl('req', '-x509', ...curve, '-keyout', 'key.pem', '-out', 'cert.pem');
    openssl('req', '-x509', ...curve, '-keyout', 'other-key.pem', '-out', 'other-cert.pem');
    openssl('pkcs8', '-topk8', '-in', 'key.pem', '-out', 'locked.pem', '-passout', 'pass:x');
    const [cert, key] = [readFileSync(file('cert.pem'), 'utf8'), readFileSync(file('key.pem'), 'utf8')];
    writeFileSync(file('text.pem'), 'this is no certificate\n');
    writeFileSync(file('cut.pem'), cert.slice(0, cert.length / 2));
    writeFileSync(file('bundle.pem'), cert + readFileSync(file('other-cert.pem'), 'utf8'));
    const lines = cert.split('\n');
    lines[2] = 'A'.repeat(lines[2]?.length ?? 64);
    writeFileSync(file('second-broken.pem'), `${cert}${lines.join('\n')}`);
    writeFileSync(file('broken-key.pem'), key.replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** @param files by the end of the variable's name */
  function read(files: Record<string, string>, endpoint = 'https://127.0.0.1:4318') {
    const variables = Object.entries(files).map(([name, value]) => [`OTEL_EXPORTER_OTLP_${name}`, file(value)]);
    return otlpConfigFromEnvironment({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, ...Object.fromEntries(variables) });
  }

  test.each([
    [{ CERTIFICATE: 'text.pem' }, /CERTIFICATE names \S+text\.pem: it holds no PEM certificate$/m],
    [{ CERTIFICATE: 'cut.pem' }, /CERTIFICATE names \S+cut\.pem: it holds no PEM certificate$/m],
    [{ CERTIFICATE: 'key.pem' }, /CERTIFICATE names \S+key\.pem: it holds no PEM certificate, but PRIVATE KEY$/m],
    [{ CERTIFICATE: 'second-broken.pem' }, /CERTIFICATE names \S+: certificate 2 of 2 in it is broken \(.+\)$/m],
    [{ TRACES_CERTIFICATE: 'none.pem' }, /OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE names \S+none\.pem: ENOENT/],
    [{ CLIENT_KEY: 'cert.pem', CLIENT_CERTIFICATE: 'cert.pem' }, /CLIENT_KEY names \S+: it holds no PEM private key, but CERTIFICATE$/m],
    [{ CLIENT_KEY: 'broken-key.pem', CLIENT_CERTIFICATE: 'cert.pem' }, /CLIENT_KEY names \S+: its key is broken/],
    [{ CLIENT_KEY: 'locked.pem', CLIENT_CERTIFICATE: 'cert.pem' }, /CLIENT_KEY names \S+: its key is encrypted.*no passphrase/],
    [{ CLIENT_KEY: 'key.pem', CLIENT_CERTIFICATE: 'text.pem' }, /CLIENT_CERTIFICATE names \S+text\.pem: it holds no PEM certificate/],
    [
      { CLIENT_KEY: 'other-key.pem', CLIENT_CERTIFICATE: 'cert.pem' },
      /CLIENT_KEY names \S+other-key\.pem: it does not belong to the certificate in \S+cert\.pem/,
    ],
  ])('%j is refused', (files, message) => {
    expect(() => read(files)).toThrow(expect.objectContaining({ code: 'OBI_ERR_CONFIG_INVALID', message: expect.stringMatching(message) }));
  });

  test('no piece of a key is repeated', () => {
    const secret = readFileSync(file('broken-key.pem'), 'utf8').split('\n')[1] as string;
    expect(() => read({ CLIENT_KEY: 'broken-key.pem', CLIENT_CERTIFICATE: 'cert.pem' })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining(secret) }),
    );
  });

  test('sound ones are taken', () => {
    expect(read({ CERTIFICATE: 'bundle.pem', CLIENT_KEY: 'key.pem', CLIENT_CERTIFICATE: 'cert.pem' }).tls).toEqual({
      certificate: file('bundle.pem'),
      clientKey: file('key.pem'),
      clientCertificate: file('cert.pem'),
    });
  });

  test('those of a receiver without TLS are not read', () => {
    expect(read({ CERTIFICATE: 'none.pem' }, 'http://127.0.0.1:4318').tls).toEqual({ certificate: file('none.pem') });
  });
});
