// SPDX-License-Identifier: Apache-2.0
// The chains of two services that the benchmark of runtimes measures, and how each is started alone, with obi, and with OpenTelemetry.
import { fileURLToPath } from 'node:url';
import { createKernel } from '../../packages/native/dist/index.js';
import { goPrograms, otelForNode, otelForPython } from './otel-packages.mjs';

/**
 * A chain of two services. name: as printed; plugins: of obi; command: of a service in a variant; env: of both services; otelEnv: besides, with OpenTelemetry;
 * extra: measured only when asked for; silent: no header goes out here, so no request joins the client's trace in the second service
 * @typedef {'off' | 'obi' | 'otel'} Variant
 * @typedef {{ name: string, plugins: string, command: Record<Variant, string[]>, env: Record<string, string>, otelEnv: Record<string, string>, extra?: boolean, silent?: boolean }} Chain
 */

const file = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));

/** @returns {Promise<Chain[]>} @throws when OpenTelemetry cannot be installed */
export async function nodeChains() {
  const register = await otelForNode();
  const bare = [process.execPath, file('chain.cjs')];
  const command = { off: bare, obi: bare, otel: bare };
  // The detectors of clouds would only wait for answers that do not come.
  const otelEnv = { NODE_OPTIONS: `--require ${register}`, OTEL_NODE_RESOURCE_DETECTORS: 'env,host,os,process' };
  const name = `Node.js ${process.version.slice(1)}`;
  return ['http', 'fetch'].map((mode) => ({ name: `${name}, ${mode}`, plugins: 'http,node', command, env: { MODE: mode }, otelEnv }));
}

/** @returns {Promise<Chain[]>} @throws when there is no CPython, or the packages cannot be installed */
export async function pythonChains() {
  const { python, version } = await otelForPython();
  const bare = [python, file('chain.py')];
  // What the script `opentelemetry-instrument` does; virtual environments that were moved have no usable scripts.
  const instrumented = [python, '-c', 'from opentelemetry.instrumentation.auto_instrumentation import run; run()', ...bare];
  const command = { off: bare, obi: bare, otel: instrumented };
  const chain = (/** @type {string} */ name, /** @type {Record<string, string>} */ env) => ({
    name: `CPython ${version}, ${name}`,
    plugins: 'http,python',
    command,
    env,
    otelEnv: {},
  });
  return [
    chain('asyncio, aiohttp', { MODE: 'aiohttp' }),
    { ...chain('uvloop, aiohttp', { MODE: 'aiohttp', LOOP: 'uvloop' }), extra: true },
    { ...chain('asyncio, uvicorn + FastAPI + httpx', { MODE: 'uvicorn' }), extra: true },
  ];
}

/** @returns {Promise<Chain[]>} @throws when there is no Go, or its module proxy cannot be reached */
export async function goChains() {
  const { bare, instrumented, version } = await goPrograms(file('go'));
  const command = { off: [bare], obi: [bare], otel: [instrumented] };
  const chain = { plugins: 'http,go', command, otelEnv: {} };
  return [
    { ...chain, name: `Go ${version}, net/http`, env: {} },
    { ...chain, name: `Go ${version}, net/http, then gRPC`, env: { RPC: '1' }, silent: !createKernel().features().probeWriteUser },
  ];
}
