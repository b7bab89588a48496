// SPDX-License-Identifier: Apache-2.0
// The middles of the parents measurement that this machine can run; Node.js's and Python's asyncio ones belong to their runtime probes.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchJars } from './parents-jars.mjs';
import { cacheFolder, which } from './services.mjs';

const workloads = fileURLToPath(new URL('../workloads/parents/', import.meta.url));

/**
 * A middle that can be started. safe: it never asks FIONREAD, so obi may be told to leave it in the sockhash (adr 0004); calls: for each request.
 * @typedef {{ command: string[], env: Record<string, string>, calls?: number, safe?: string }} Start
 * @typedef {{ name: string, family: Family, env: Record<string, string>, calls?: number }} Listed
 * @typedef {'c' | 'rust' | 'jdk' | 'jetty' | 'tomcat' | 'ruby' | 'puma' | 'python' | 'nginx' | 'haproxy'} Family
 */

/** Built once for each state of the sources. @param {string} folder @param {string} prefix @param {(source: string, out: string) => void} build @returns {string} */
function built(folder, prefix, build) {
  const source = path.join(workloads, folder);
  const hash = createHash('sha256');
  for (const file of readdirSync(source).sort()) hash.update(file).update(readFileSync(path.join(source, file)));
  const out = path.join(cacheFolder, `${prefix}-${hash.digest('hex').slice(0, 12)}`);
  if (existsSync(out)) return out;
  mkdirSync(cacheFolder, { recursive: true });
  const fresh = `${out}.${process.pid}`;
  build(source, fresh);
  try {
    renameSync(fresh, out);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(out)) throw error;
  }
  return out;
}

/** @param {string} program @param {string[]} args */
const run = (program, args) => void execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });

const cMiddle = () =>
  built('c', 'parents-c', (source, out) =>
    run(which('gcc', 'clang', 'cc') ?? 'cc', ['-O2', '-Wall', '-Wextra', '-Werror', '-pthread', '-D_GNU_SOURCE', '-o', out, path.join(source, 'middle.c')]),
  );
const rustMiddle = () => built('rust', 'parents-rust', (source, out) => run('rustc', ['--edition', '2021', '-O', '-o', out, path.join(source, 'middle.rs')]));
const javaMiddle = () =>
  built('java', 'parents-java', (source, out) => {
    // Without a server's jars its class is left out.
    const skipped = new Set([...(fetchJars('jetty') ? ['JettyServer.java'] : []), ...(fetchJars('tomcat') ? ['TomcatServer.java'] : [])]);
    const files = readdirSync(source).filter((file) => !skipped.has(file));
    run('javac', ['-nowarn', '-d', out, '-cp', path.join(cacheFolder, 'java-jars', '*'), ...files.map((file) => path.join(source, file))]);
  });

/** Why a family cannot run here; undefined when it can. @param {Family | 'go'} family @returns {string | undefined} */
export function lacking(family) {
  const need = (/** @type {string[]} */ ...programs) => {
    const missing = programs.find((program) => !which(program));
    return missing && `${missing} is not installed`;
  };
  switch (family) {
    case 'c':
      return which('gcc', 'clang', 'cc') ? undefined : 'a C compiler is not installed';
    case 'rust':
      return need('rustc');
    case 'jdk':
      return need('java', 'javac');
    case 'jetty':
    case 'tomcat':
      return need('java', 'javac') ?? fetchJars(family);
    case 'ruby':
      return need('ruby') ?? (hasGem('webrick') ? undefined : 'ruby has no webrick');
    case 'puma':
      return need('ruby') ?? (hasGem('puma') ? undefined : 'ruby has no puma');
    case 'python':
      return need('python3');
    default:
      return need(family);
  }
}

/** Builds those that are compiled and can be: a virtual machine cannot write into the cache. */
export function buildMiddles() {
  if (!lacking('c')) cMiddle();
  if (!lacking('rust')) rustMiddle();
  if (!lacking('jdk')) javaMiddle();
  if (!lacking('go')) {
    goMiddle();
    grpcMiddle();
    writingService();
    autoSdkService();
    otelSdkService();
    certificate();
  }
}

/**
 * The Go middle, in the ways that Go programs are built.
 * @param {{ toolchain?: string, flags?: string[], cgo?: boolean }} [way] toolchain: as GOTOOLCHAIN names it, e.g. go1.22.12; else this machine's
 * @returns {string} @throws what the toolchain says, or Go's module proxy where it has to come from there
 */
export function goMiddle({ toolchain = 'local', flags = [], cgo = false } = {}) {
  const name = ['parents', toolchain === 'local' ? 'go' : toolchain, ...flags.map((flag) => flag.replace(/\W+/g, '')), ...(cgo ? ['cgo'] : [])].join('-');
  return built('go', name, (source, out) => goBuild(source, out, { toolchain, flags, cgo }));
}

/** @param {string} source @param {string} out @param {{ toolchain?: string, flags?: string[], cgo?: boolean }} [way] */
function goBuild(source, out, { toolchain = 'local', flags = [], cgo = false } = {}) {
  const env = { ...process.env, GOTOOLCHAIN: toolchain, CGO_ENABLED: cgo ? '1' : '0', GOFLAGS: '-buildvcs=false' };
  execFileSync('go', ['build', '-o', out, ...flags, '.'], { cwd: source, env, stdio: ['ignore', 'ignore', 'pipe'] });
}

/**
 * The middle on gRPC. @param {string} [version] of google.golang.org/grpc; else that of its go.mod @param {{ toolchain?: string, flags?: string[] }} [way]
 * @returns {string} @throws what the toolchain says, or Go's module proxy
 */
export function grpcMiddle(version, way = {}) {
  const name = ['parents-grpc', version ?? 'own', ...(way.toolchain ? [way.toolchain] : []), ...(way.flags ?? []).map((flag) => flag.replace(/\W+/g, ''))];
  return built('go-grpc', name.join('-'), (source, out) =>
    version === undefined ? goBuild(source, out, way) : goBuildWith(source, out, '1.18', { 'google.golang.org/grpc': version }, way),
  );
}

/**
 * Builds with these versions of modules, in place of those of its go.mod. @param {string} source @param {string} out @param {string} language version of Go that go.mod says
 * @param {Readonly<Record<string, string>>} modules @param {{ toolchain?: string, flags?: string[] }} [way]
 */
function goBuildWith(source, out, language, modules, way) {
  const folder = mkdtempSync(path.join(tmpdir(), 'obi-go-'));
  try {
    for (const file of readdirSync(source)) if (file.endsWith('.go')) cpSync(path.join(source, file), path.join(folder, file));
    const required = Object.entries(modules).map(([module, version]) => `require ${module} ${version}\n`);
    writeFileSync(path.join(folder, 'go.mod'), `module workload\n\ngo ${language}\n\n${required.join('')}`);
    // What it needs of other modules is as old as it.
    execFileSync('go', ['mod', 'tidy'], {
      cwd: folder,
      env: { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '-mod=mod' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    goBuild(folder, out, way);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The service of tests/workloads/go-routes.
 * @param {{ toolchain: string, language: string, gin: string, chi: string, mux: string }} versions toolchain: as GOTOOLCHAIN names it; language: what go.mod says
 * @returns {string} @throws what the toolchain says, or Go's module proxy
 */
export function routesService({ toolchain, language, gin, chi, mux }) {
  const modules = { 'github.com/gin-gonic/gin': gin, 'github.com/go-chi/chi/v5': chi, 'github.com/gorilla/mux': mux };
  const name = ['routes', toolchain, language, gin, chi, mux].join('-');
  return built('../go-routes', name, (source, out) => goBuildWith(source, out, language, modules, { toolchain }));
}

/** The service of tests/workloads/go-tls. @returns {string} */
export const goService = () => built('../go-tls', 'go-tls', goBuild);

/** The service of tests/workloads/go-writes. @returns {string} */
export const writingService = () => built('../go-writes', 'go-writes', goBuild);

/** The programs of tests/workloads/go-soak. @returns {string} */
export const soakProgram = () => built('../go-soak', 'go-soak', goBuild);

/**
 * The service of tests/workloads/auto-sdk-go. @param {{ version?: string, toolchain?: string }} [way] version: of go.opentelemetry.io/auto/sdk, then stripped and position-independent; else that of its go.mod
 * @returns {string} @throws what the toolchain says, or Go's module proxy
 */
export const autoSdkService = ({ version, toolchain = 'local' } = {}) =>
  built('../auto-sdk-go', `auto-sdk-${version ?? 'own'}-${toolchain}`, (source, out) => {
    if (version === undefined) goBuild(source, out, { toolchain });
    else goBuildWith(source, out, '1.26.0', { 'go.opentelemetry.io/auto/sdk': version }, { flags: ['-buildmode=pie', '-ldflags=-s -w'] });
  });

/** The service of tests/workloads/otel-sdk-go. @returns {string} */
export const otelSdkService = () => built('../otel-sdk-go', 'otel-sdk-go', goBuild);

/** A certificate for 127.0.0.1 that signs itself, made by Go's own tool. @returns {import('./parents.mjs').Tls} its files */
export function certificate() {
  const folder = built('go', 'parents-certificate', (_, out) => {
    mkdirSync(out, { recursive: true });
    const tool = path.join(execFileSync('go', ['env', 'GOROOT'], { encoding: 'utf8' }).trim(), 'src/crypto/tls/generate_cert.go');
    execFileSync('go', ['run', tool, '--host', '127.0.0.1', '--ecdsa-curve', 'P256', '--duration', '876000h'], {
      cwd: out,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  });
  return { CERT: path.join(folder, 'cert.pem'), KEY: path.join(folder, 'key.pem') };
}

/** @param {string} name */
function hasGem(name) {
  try {
    run('ruby', ['-e', `require '${name}'`]);
    return true;
  } catch {
    return false;
  }
}

/** How to start one. @param {Listed} listed @returns {Start} */
export function startOf({ family, env, ...rest }) {
  const java = ['java', '-Xshare:auto', '-XX:TieredStopAtLevel=1', '-Xmx256m', '-cp'];
  switch (family) {
    case 'c':
      return { ...rest, command: [cMiddle()], env, safe: cMiddle() };
    case 'rust':
      return { ...rest, command: [rustMiddle()], env, safe: rustMiddle() };
    case 'jdk':
    case 'jetty':
    case 'tomcat':
      return { ...rest, command: [...java, `${javaMiddle()}:${path.join(cacheFolder, 'java-jars', '*')}`, 'Middle'], env: { SERVER: family, ...env } };
    case 'ruby':
    case 'puma':
      return { ...rest, command: ['ruby', path.join(workloads, 'ruby/middle.rb')], env: { SERVER: family === 'puma' ? 'puma' : 'webrick', ...env } };
    case 'python':
      return { ...rest, command: [which('/usr/bin/python3', 'python3') ?? 'python3', path.join(workloads, 'threads.py')], env };
    default:
      return { calls: 1, ...rest, command: [process.execPath, path.join(workloads, 'proxy.mjs'), family], env };
  }
}
