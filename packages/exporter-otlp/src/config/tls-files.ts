// SPDX-License-Identifier: Apache-2.0
/** Reads the PEM files of a configuration and looks into them: what is wrong with one is known at the start, not at the first request. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { OtlpTls } from './otlp-config.js';

/** As `node:tls` names them. */
export interface TlsMaterial {
  readonly ca?: string;
  readonly key?: string;
  readonly cert?: string;
}

const NAMES = { certificate: 'ca', clientKey: 'key', clientCertificate: 'cert' } as const;
const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;

/**
 * @param problem called for each problem with the setting that has it, with a sentence that names the file and goes on from the setting's name.
 * @returns what could be read and is sound.
 */
export function readTlsFiles(tls: OtlpTls, problem: (setting: keyof OtlpTls, text: string) => void): TlsMaterial {
  const material: { -readonly [K in keyof TlsMaterial]: string } = {};
  for (const setting of ['certificate', 'clientKey', 'clientCertificate'] as const) {
    const file = tls[setting];
    if (file === undefined) continue;
    try {
      const text = readFileSync(file, 'utf8');
      if (setting === 'clientKey') checkKey(text);
      else checkCertificates(text);
      material[NAMES[setting]] = text;
    } catch (error) {
      problem(setting, `names ${file}: ${(error as Error).message}`);
    }
  }
  const { key, cert } = material;
  if (key === undefined || cert === undefined) return material;
  try {
    createSecureContext({ key, cert });
  } catch (error) {
    problem('clientKey', `names ${tls.clientKey}: it does not belong to the certificate in ${tls.clientCertificate} (${reasonOf(error)})`);
  }
  return material;
}

/** OpenSSL passes over what it cannot read in a list of certificates: then nothing, or not all that was meant, would be trusted. */
function checkCertificates(text: string): void {
  const blocks = [...text.matchAll(BLOCK)].filter(([, label = '']) => /^(X509 |TRUSTED )?CERTIFICATE$/.test(label));
  if (blocks.length === 0) throw new Error(`it holds no PEM certificate${foundInstead(text)}`);
  for (const [index, [block]] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch (error) {
      throw new Error(`certificate ${index + 1} of ${blocks.length} in it is broken (${reasonOf(error)})`);
    }
  }
}

function checkKey(text: string): void {
  if (!/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(text)) throw new Error(`it holds no PEM private key${foundInstead(text)}`);
  if (/-----BEGIN ENCRYPTED |^Proc-Type: 4,ENCRYPTED/m.test(text))
    throw new Error('its key is encrypted, and obi has no passphrase for it; give a key that is not');
  try {
    createSecureContext({ key: text });
  } catch (error) {
    throw new Error(`its key is broken (${reasonOf(error)})`);
  }
}

function foundInstead(text: string): string {
  const labels = [...new Set([...text.matchAll(BLOCK)].map(([, label]) => label))];
  return labels.length === 0 ? '' : `, but ${labels.join(', ')}`;
}

/** `error:0480006C:PEM routines::no start line` → `no start line` */
function reasonOf(error: unknown): string {
  return (error as Error).message.split(':').at(-1)?.trim() ?? '';
}
