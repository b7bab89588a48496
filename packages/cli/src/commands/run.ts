// SPDX-License-Identifier: Apache-2.0
/** `obi`: traces until it is told to stop. */
import { Agent, ConfigRoutes, Config as ConfigToken, type Config, Container, CoreObjects, createLogger, errors, HealthServer, hostArchitecture, Kernel, loadConfig, Logger, printConfig, Routes, SpanExporters } from '@obi/core';
import { coreObjects } from '@obi/bpf';
import { createKernel } from '@obi/native';
import { hostDirectory, VERSION } from '../host.js';
import { sinks } from '../sinks.js';
import { summary } from '../summary.js';

export interface RunOptions {
  readonly plugins?: string;
  readonly config?: string;
}

export async function run(options: RunOptions): Promise<void> {
  const { config, warnings } = load(options);
  if (config.log_config) {
    process.stdout.write(printConfig(config, config.log_config));
  }
  const log = createLogger({ level: config.log_level, format: config.log_format });
  for (const warning of warnings) log.warn(warning);

  const architecture = hostArchitecture();
  if (!architecture) throw errors.noProbes([`obi has no BPF objects for ${process.arch}`]);
  const kernel = createKernel();
  requireRights(kernel.features().capabilities);
  const { make, exporterPorts } = sinks(config);
  const container = Container.create()
    .registerValue(ConfigToken, config)
    .registerValue(Logger, log)
    .registerValue(Kernel, kernel)
    .registerFactory(CoreObjects, () => coreObjects(architecture))
    .registerFactory(Routes, () => new ConfigRoutes(config.routes))
    .registerFactory(SpanExporters, make);

  // Before anything is in the kernel, so that no signal finds it half-way.
  const stopped = stopSignal();
  const agent = await Agent.start(container, { hostDirectories: [hostDirectory, process.cwd()], version: VERSION, exporterPorts });
  const health = config.health_check.port > 0 ? await HealthServer.start(config.health_check.port, () => agent.status, log) : undefined;
  const { probes, tap, propagation } = agent.status;
  log.info('obi is ready', { probes: probes.join(','), tap, propagation });
  const signal = await stopped;
  log.info(`stopping on ${signal}`);
  const status = agent.status;
  log.debug('counters', { counters: status.counters, faults: status.faults });
  await health?.[Symbol.asyncDispose]();
  await withDeadline(agent[Symbol.asyncDispose](), config.shutdown_timeout, () => log.error('stopping took longer than shutdown_timeout; some spans may be lost'));
  log.flush();
  summary(container, status);
  process.exit(0);
}

function load(options: RunOptions): { config: Config; warnings: readonly string[] } {
  return loadConfig({
    ...(options.config === undefined ? {} : { file: options.config }),
    ...(options.plugins === undefined ? {} : { overrides: { plugins: options.plugins } }),
  });
}

/** What no run can do without: loading programs and reading what they see. */
function requireRights(capabilities: readonly string[]): void {
  if (capabilities.includes('SYS_ADMIN')) return;
  const missing = ['BPF', 'PERFMON'].filter((capability) => !capabilities.includes(capability));
  if (missing.length > 0) throw errors.rights(missing.map((capability) => `CAP_${capability}`));
}

function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve(signal));
  });
}

async function withDeadline(work: Promise<void>, timeoutMs: number, onTimeout: () => void): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      onTimeout();
      resolve();
    }, timeoutMs);
  });
  await Promise.race([work, timeout]);
  clearTimeout(timer);
}
