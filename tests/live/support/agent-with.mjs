// SPDX-License-Identifier: Apache-2.0
// obi as a child process with guards of its kernel side lifted, which no configuration can do. usage: node agent-with.mjs '{"obi_test_no_linear":1}'
// Configuration comes from the environment, as for `obi`. A line on stdin is answered with `status {…}`; `ready {…}` says what the kernel can do.
import { createInterface } from 'node:readline';
import { coreObjects } from '@obi/bpf';
import {
  Agent,
  Config,
  ConfigRoutes,
  Container,
  CoreObjects,
  createLogger,
  hostArchitecture,
  Kernel,
  Logger,
  loadConfig,
  Routes,
  SpanExporters,
} from '@obi/core';
import { MemoryStore } from '@obi/exporter-console';
import { createKernel } from '@obi/native';

const testParameters = JSON.parse(process.argv[2] ?? '{}');
const architecture = hostArchitecture();
if (!architecture) throw new Error(`agent-with: obi has no BPF objects for ${process.arch}`);
const { config } = loadConfig({ overrides: { plugins: 'http' } });
const kernel = createKernel();
const container = Container.create()
  .registerValue(Config, config)
  .registerValue(Logger, createLogger({ level: config.log_level, format: config.log_format }))
  .registerValue(Kernel, kernel)
  .registerFactory(CoreObjects, () => coreObjects(architecture))
  .registerFactory(Routes, () => new ConfigRoutes(config.routes))
  .registerFactory(SpanExporters, (inner) => [new MemoryStore({ directory: inner.resolve(Symbol.for('obi.ProcessDirectory')) })]);

const stopped = new Promise((resolve) => process.once('SIGTERM', resolve));
const cli = new URL('../../../packages/cli', import.meta.url).pathname;
const agent = await Agent.start(container, { hostDirectories: [cli], version: '0.0.0', testParameters });
const print = (/** @type {string} */ what, /** @type {unknown} */ value) => process.stdout.write(`${what} ${JSON.stringify(value)}\n`);
createInterface({ input: process.stdin }).on('line', () => print('status', agent.status));
print('ready', kernel.features());
await stopped;
print('status', agent.status);
await agent[Symbol.asyncDispose]();
process.exit(0);
