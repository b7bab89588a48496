// SPDX-License-Identifier: Apache-2.0
// Starts the services of tests/workloads in a sandbox, and says which languages this machine has.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { get } from './get.mjs';

const workloads = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../workloads');
/** Built workloads live outside the tree, beside kernels and the Collector. */
export const cacheFolder = path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'obi');

/** @typedef {'python' | 'asyncio' | 'ruby' | 'java' | 'node' | 'go' | 'nginx'} Language */
/** @typedef {import('./sandbox.mjs').Sandbox} Sandbox */
/**
 * A running service.
 * @typedef {{ name: string, language: Language, port: number, url: string, proc: import('./proc.mjs').Proc, served(): Promise<number> }} Service
 */

/** Full path of a program, or undefined. @param {...string} names first found wins @returns {string | undefined} */
export function which(...names) {
  for (const name of names) {
    for (const folder of (process.env.PATH ?? '').split(':').concat('/usr/sbin', '/sbin')) {
      const file = path.isAbsolute(name) ? name : path.join(folder, name);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {}
    }
  }
  return undefined;
}

// Debian's python3 before a version manager's, whose start scripts are slow in an emulated machine.
const python = which('/usr/bin/python3', 'python3');

/** What is missing for a language, or undefined when its service can run here. @param {Language} language @returns {string | undefined} */
export function missing(language) {
  switch (language) {
    case 'python':
    case 'asyncio':
      return python ? undefined : 'python3 is not installed';
    case 'ruby':
      return which('ruby') ? undefined : 'ruby is not installed';
    case 'java':
      return which('java') && (existsSync(javaClasses()) || which('javac')) ? undefined : 'a JDK (java and javac) is not installed';
    case 'go':
      return existsSync(goBinary()) || which('go') ? undefined : 'go is not installed';
    case 'nginx':
      return which('nginx') ? undefined : 'nginx is not installed';
    default:
      return undefined;
  }
}

/** @param {string} file @param {string} prefix */
const keyed = (file, prefix) =>
  path.join(
    cacheFolder,
    `${prefix}-${createHash('sha256')
      .update(readFileSync(path.join(workloads, file)))
      .digest('hex')
      .slice(0, 12)}`,
  );
const goBinary = () => keyed('go/main.go', 'workload-go');
const javaClasses = () => keyed('java/Main.java', 'workload-java');

/** Builds the compiled services that are possible here, once per source. Slow in an emulated machine: build on the host first. */
export function buildWorkloads() {
  mkdirSync(cacheFolder, { recursive: true });
  if (which('go') && !existsSync(goBinary())) {
    const out = `${goBinary()}.${process.pid}`;
    execFileSync('go', ['build', '-o', out, '.'], {
      cwd: path.join(workloads, 'go'),
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-trimpath', GOWORK: 'off' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    renameSync(out, goBinary());
  }
  if (which('javac') && !existsSync(javaClasses())) {
    const out = `${javaClasses()}.${process.pid}`;
    execFileSync('javac', ['-d', out, path.join(workloads, 'java/Main.java')], { stdio: ['ignore', 'ignore', 'pipe'] });
    renameSync(out, javaClasses());
  }
}

/** @param {Language} language @returns {string[]} */
function command(language) {
  switch (language) {
    case 'python':
      return [python ?? 'python3', path.join(workloads, 'gateway.py')];
    case 'asyncio':
      return [python ?? 'python3', path.join(workloads, 'async.py')];
    case 'ruby':
      return ['ruby', path.join(workloads, 'worker.rb')];
    case 'java':
      return ['java', '-Xshare:auto', '-XX:TieredStopAtLevel=1', '-Xmx128m', '-cp', javaClasses(), 'Main'];
    case 'go':
      return [goBinary()];
    default:
      return [process.execPath, path.join(workloads, 'leaf.mjs')];
  }
}

/**
 * Starts a service in the sandbox's cgroup and namespace, and waits until it listens.
 * @param {Sandbox} sandbox @param {Language} language
 * @param {{ name?: string, downstream?: (Service | string)[], env?: Record<string, string>, port?: number }} [options] env: see tests/workloads/README.md
 * @returns {Promise<Service>}
 */
export async function startService(sandbox, language, { name = language, downstream = [], env = {}, port = 0 } = {}) {
  const lacking = missing(language);
  if (lacking) throw new Error(`service ${name}: ${lacking}`);
  const urls = downstream.map((target) => (typeof target === 'string' ? target : target.url));
  if (language === 'nginx') return startNginx(sandbox, name, urls, env, port);
  if (language === 'go' || language === 'java') buildWorkloads();
  const proc = await sandbox.start(name, command(language), {
    env: { NAME: name, OTEL_SERVICE_NAME: name, PORT: String(port), DOWNSTREAM: urls.join(','), ...env },
  });
  const [, chosen] = await proc.line(/^listening (\d+)$/);
  const url = `http://127.0.0.1:${chosen}`;
  const served = async () => JSON.parse(await fetchIn(sandbox, `${url}/stats`)).served;
  return { name, language, port: Number(chosen), url, proc, served };
}

/** @param {Sandbox} sandbox @param {string} name @param {string[]} urls @param {Record<string, string>} env @param {number} port @returns {Promise<Service>} */
async function startNginx(sandbox, name, urls, env, port) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'obi-nginx-'));
  const chosen = port || (await freePort());
  const url = `http://127.0.0.1:${chosen}`;
  /** @type {Record<string, string>} */
  const values = {
    DIR: dir,
    PORT: String(chosen),
    DOWNSTREAM: urls[0] ?? '',
    DOWNSTREAM_HOST: new URL(urls[0] ?? 'http://127.0.0.1:9').host,
    KEEPALIVE: { 0: '', 1: 'keepalive 64;' }[env.KEEPALIVE ?? ''] ?? 'keepalive 1;',
  };
  const template = readFileSync(path.join(workloads, 'nginx/nginx.conf.template'), 'utf8');
  writeFileSync(
    path.join(dir, 'nginx.conf'),
    template.replace(/\$\{([A-Z_]+)\}/g, (_, key) => values[key] ?? ''),
  );
  const proc = await sandbox.start(name, [which('nginx') ?? 'nginx', '-e', 'stderr', '-p', dir, '-c', path.join(dir, 'nginx.conf')]);
  proc.exited.then(() => rmSync(dir, { recursive: true, force: true }));
  await fetchIn(sandbox, `${url}/health`); // retries until it listens
  const served = async () => readFileSync(path.join(dir, 'access.log'), 'utf8').split('\n').length - 1;
  return { name, language: 'nginx', port: chosen, url, proc, served };
}

/** GETs a URL from inside the sandbox's namespace; retries while nobody listens yet. @param {Sandbox} sandbox @param {string} url @returns {Promise<string>} the body */
export function fetchIn(sandbox, url) {
  if (!sandbox.netns) return get(url);
  const script = fileURLToPath(new URL('get.mjs', import.meta.url));
  return sandbox.run('get', [process.execPath, script, url]);
}

/** A port on the loopback that was free a moment ago. @returns {Promise<number>} */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}
