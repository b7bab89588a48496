// SPDX-License-Identifier: Apache-2.0
// OpenTelemetry's own instrumentation, which the benchmark of runtimes compares with: installed once, outside the tree.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { anyVenv } from '../../tests/harness/python-venvs.mjs';

/** Newest that fit together when this was written. */
const NODE_PACKAGES = ['@opentelemetry/auto-instrumentations-node@0.82.0', '@opentelemetry/api@1.10.0'];

/** What the measured services import. */
const PYTHON_LIBRARIES = ['aiohttp==3.14.5', 'fastapi==0.165.0', 'httptools==0.8.0', 'httpx==0.28.1', 'uvicorn==0.54.0', 'uvloop==0.23.0'];
/** What `opentelemetry-bootstrap -a requirements` names for them. */
const PYTHON_INSTRUMENTATIONS = [
  ...['aiohttp-client', 'aiohttp-server', 'asgi', 'asyncio', 'click', 'dbapi', 'exceptions', 'fastapi', 'httpx', 'logging', 'requests', 'sqlite3', 'starlette'],
  ...['threading', 'urllib', 'urllib3', 'wsgi'],
];
/** All of one release: each instrumentation pins the others. */
const PYTHON_PACKAGES = [
  ...PYTHON_LIBRARIES,
  ...['opentelemetry-distro==0.66b1', 'opentelemetry-exporter-otlp-proto-http==1.45.1'],
  ...PYTHON_INSTRUMENTATIONS.map((name) => `opentelemetry-instrumentation-${name}==0.66b1`),
];

const cache = path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'obi');
const run = promisify(execFile);
/** @param {string} name @param {string[]} parts what it is made of */
const place = (name, ...parts) => path.join(cache, `${name}-${createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 12)}`);

/**
 * Fills a folder once. Beside its place first: a run that was cut off must not look like a finished one.
 * @param {string} what @param {string} folder @param {(folder: string) => Promise<void>} fill
 */
async function make(what, folder, fill) {
  if (existsSync(folder)) return;
  const fresh = `${folder}.${process.pid}`;
  console.error(`installing ${what} in ${folder}`);
  try {
    mkdirSync(fresh, { recursive: true });
    await fill(fresh);
    if (!existsSync(folder)) renameSync(fresh, folder);
  } catch (error) {
    const { stderr, message } = /** @type {Error & { stderr?: string }} */ (error);
    const lines = (stderr || message).trim().split('\n');
    // npm says it first, pip last.
    const why = (lines.length > 6 ? [...lines.slice(0, 4), ...lines.slice(-2)] : lines).join('\n  ');
    throw new Error(`${what} could not be installed, and without it there is nothing to compare with. A package registry must be reachable once.\n  ${why}`);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** @returns {Promise<string>} the file to give to `node --require` @throws when it cannot be installed */
export async function otelForNode() {
  const folder = place('otel-node', ...NODE_PACKAGES);
  await make('@opentelemetry/auto-instrumentations-node', folder, async (fresh) => {
    writeFileSync(path.join(fresh, 'package.json'), '{"private":true}');
    await run('npm', ['install', '--prefix', fresh, '--no-audit', '--no-fund', '--save-exact', ...NODE_PACKAGES], { timeout: 600_000 });
  });
  return createRequire(path.join(folder, 'package.json')).resolve('@opentelemetry/auto-instrumentations-node/register');
}

/**
 * A virtual environment with the services' libraries and the instrumentation, which does nothing unless it is started.
 * @returns {Promise<{ python: string, version: string }>} @throws when there is no interpreter or it cannot be installed
 */
export async function otelForPython() {
  const base = anyVenv()?.base;
  if (!base) throw new Error('no CPython 3.9 to 3.13 on this machine');
  const folder = place('otel-python', base, ...PYTHON_PACKAGES);
  await make('opentelemetry-distro with its instrumentations', folder, async (fresh) => {
    await run(base, ['-m', 'venv', '--without-pip', fresh], { timeout: 60_000 });
    const python = path.join(fresh, 'bin/python');
    const { stdout } = await run(python, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))']);
    // Into the folder: scripts would name the interpreter by its place before the move.
    const pip = ['-m', 'pip', '--disable-pip-version-check', 'install', '--quiet', '--only-binary', ':all:', '--target', stdout.trim()];
    await run(base, [...pip, ...PYTHON_PACKAGES], { timeout: 600_000 });
  });
  const python = path.join(folder, 'bin/python');
  const { stdout } = await run(python, ['-c', 'import platform; print(platform.python_version())']);
  return { python, version: stdout.trim() };
}

/**
 * For Go it is otelhttp and otelgrpc, which are put into the source: the service is built a second time.
 * @param {string} source folder @returns {Promise<{ bare: string, instrumented: string, version: string }>} programs @throws when they cannot be built
 */
export async function goPrograms(source) {
  const { stdout } = await run('go', ['env', 'GOVERSION'], { cwd: source });
  const version = stdout.trim().replace(/^go/, '');
  const files = readdirSync(source).sort();
  const folder = place('otel-go', version, ...files.map((name) => readFileSync(path.join(source, name), 'utf8')));
  const [bare, instrumented] = [path.join(folder, 'bare'), path.join(folder, 'instrumented')];
  await make('otelhttp and otelgrpc', folder, async (fresh) => {
    const build = (/** @type {string} */ name, /** @type {string[]} */ ...flags) =>
      run('go', ['build', '-o', path.join(fresh, name), ...flags, '.'], { cwd: source, timeout: 600_000, env: { ...process.env, GOFLAGS: '-buildvcs=false' } });
    await build('bare');
    await build('instrumented', '-tags', 'otel');
  });
  return { bare, instrumented, version };
}
