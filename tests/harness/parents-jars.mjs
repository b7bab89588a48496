// SPDX-License-Identifier: Apache-2.0
// Jetty and Tomcat for the parents measurement: fetched once from Maven Central into the cache, checked against the digests here.
// As a program: node parents-jars.mjs URL FILE
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from './services.mjs';

const CENTRAL = 'https://repo.maven.apache.org/maven2';
const JETTY = '12.1.14';
const TOMCAT = '11.0.27';
/** @type {Record<'jetty' | 'tomcat', [path: string, sha256: string][]>} */
const JARS = {
  jetty: [
    [`org/eclipse/jetty/jetty-http/${JETTY}/jetty-http-${JETTY}.jar`, 'a898f3dad99c2505409047d849cac7f652eced5853f9dad711395a26cd681e13'],
    [`org/eclipse/jetty/jetty-io/${JETTY}/jetty-io-${JETTY}.jar`, '9a41452f362f5bd96e017f16d6b66d19d2d60a5981eafd3729367c1d535eb5e9'],
    [`org/eclipse/jetty/jetty-server/${JETTY}/jetty-server-${JETTY}.jar`, '62a2c691ecb3b60178e7b1a64d498261d31bcef76dd19147b89dcb2c6f784f30'],
    [`org/eclipse/jetty/jetty-util/${JETTY}/jetty-util-${JETTY}.jar`, 'deb2a47bb9659c69076da1020d058c0ededba61dcd1aebccf83fce4719164adc'],
    ['org/slf4j/slf4j-api/2.0.17/slf4j-api-2.0.17.jar', '7b751d952061954d5abfed7181c1f645d336091b679891591d63329c622eb832'],
  ],
  tomcat: [
    [`org/apache/tomcat/embed/tomcat-embed-core/${TOMCAT}/tomcat-embed-core-${TOMCAT}.jar`, 'b71785ff101c0df501064b3e3b8c4a02e4f9cc3047a7fa686c41fc4edc2f0cb4'],
    [
      `org/apache/tomcat/tomcat-annotations-api/${TOMCAT}/tomcat-annotations-api-${TOMCAT}.jar`,
      '34e004c54a23b8486a8f0c1541a31594afab12f85fbc84243a3271c4ce1b420b',
    ],
  ],
};

/** Makes the jars of a server be there. @param {'jetty' | 'tomcat'} server @returns {string | undefined} why they are not @throws when a fetched file is not the one that is expected */
export function fetchJars(server) {
  const folder = path.join(cacheFolder, 'java-jars');
  mkdirSync(folder, { recursive: true });
  for (const [from, digest] of JARS[server]) {
    const file = path.join(folder, path.basename(from));
    if (existsSync(file)) continue;
    const fresh = `${file}.${process.pid}`;
    try {
      execFileSync(process.execPath, [fileURLToPath(import.meta.url), `${CENTRAL}/${from}`, fresh], { stdio: ['ignore', 'ignore', 'pipe'], timeout: 60_000 });
    } catch {
      rmSync(fresh, { force: true });
      return `${path.basename(from)} cannot be fetched from Maven Central`;
    }
    const got = createHash('sha256').update(readFileSync(fresh)).digest('hex');
    if (got !== digest) {
      rmSync(fresh);
      throw new Error(`${from}: SHA-256 ${got}, expected ${digest}`);
    }
    renameSync(fresh, file);
  }
  return undefined;
}

/** @param {string} url @param {string} file */
async function save(url, file) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: status ${response.status}`);
  writeFileSync(file, Buffer.from(await response.arrayBuffer()));
}

if (process.argv[1] && fileURLToPath(import.meta.url) === process.argv[1]) save(process.argv[2] ?? '', process.argv[3] ?? '');
