// SPDX-License-Identifier: Apache-2.0
/** `obi`: traces until it is told to stop. */

import { coreObjects } from '@obi/bpf';
import {
  Agent,
  type AgentStatus,
  type Config,
  ConfigRoutes,
  Config as ConfigToken,
  Container,
  CoreObjects,
  cgroup2Mount,
  createLogger,
  ExplainServer,
  errors,
  HealthServer,
  hostArchitecture,
  isObiError,
  Kernel,
  Logger,
  printConfig,
  Routes,
  SpanExporters,
  unifiedCgroupPath,
} from '@obi/core';
import { createKernel } from '@obi/native';
import { hostDirectory, NONE_INSTALLED, VERSION } from '../host.js';
import { type GlobalOptions, load } from '../load.js';
import { type Sinks, sinks } from '../sinks.js';
import { giveBackStartUpMemory } from '../start-up-garbage.js';
import { summary } from '../summary.js';
import { claimWatch, type WatchClaim } from '../watch-claim.js';

/** Ends the process when it was told to stop. @throws ObiError when nothing can be traced; then nothing of obi is left in the kernel. */
export async function run(options: GlobalOptions): Promise<void> {
  const { config, warnings } = load(options);
  if (config.log_config) {
    process.stdout.write(printConfig(config, config.log_config));
  }
  const log = createLogger({ level: config.log_level, format: config.log_format });
  for (const warning of warnings) log.warn(warning);
  try {
    await trace(config, log, sinks(config));
  } finally {
    log.flush();
  }
  process.exit(0);
}

/** A run: where its spans go, and when it ends but for a signal. */
export interface Run extends Sinks {
  onReady?(): void;
  /** Resolves to the reason. */
  readonly until?: Promise<string>;
}

/** Traces until a signal or `until`. @throws as {@link run} does. */
export async function trace(config: Config, log: Logger, { make, exporterPorts, warnings, onReady, until }: Run): Promise<void> {
  const architecture = hostArchitecture();
  if (!architecture) throw errors.noProbes([`obi has no BPF objects for ${process.arch}`]);
  const kernel = createKernel();
  requireRights(kernel.features().capabilities);
  for (const warning of warnings) log.warn(warning);
  using _claim = await claim(config, log);
  const container = Container.create()
    .registerValue(ConfigToken, config)
    .registerValue(Logger, log)
    .registerValue(Kernel, kernel)
    .registerFactory(CoreObjects, () => coreObjects(architecture))
    .registerFactory(Routes, () => new ConfigRoutes(config.routes))
    .registerFactory(SpanExporters, make);

  // Before anything is in the kernel: no signal finds it half-way, and a port that is taken ends the run here.
  const stopped = stopSignal();
  let agent: Agent | undefined;
  let explain: ExplainServer | undefined;
  const health = await startHealth(config, () => agent?.status, log);
  try {
    agent = await startAgent(container, exporterPorts);
    explain = await startExplain(config, agent, log);
    const { probes, tap, propagation } = agent.status;
    log.info('obi is ready', { probes: probes.join(','), tap, propagation });
    giveBackStartUpMemory();
    onReady?.();
    log.info(`stopping on ${await (until === undefined ? stopped : Promise.race([stopped, until]))}`);
    health?.stopping();
    await explain?.[Symbol.asyncDispose]();
    await withDeadline(agent[Symbol.asyncDispose](), config.shutdown_timeout, () =>
      log.error('stopping took longer than shutdown_timeout; some spans may be lost'),
    );
    // After the last record and the last request: what was lost on the way out counts too.
    const status = agent.status;
    log.debug('counters', { counters: status.counters, faults: status.faults });
    log.flush();
    await summary(container, status);
  } finally {
    await explain?.[Symbol.asyncDispose]();
    await health?.[Symbol.asyncDispose]();
  }
}

/** @throws ObiError OBI_ERR_OVERLAP, or OBI_ERR_CGROUP for a cgroup that there is not. */
async function claim({ ebpf }: Config, log: Logger): Promise<WatchClaim | undefined> {
  const named = ebpf.cgroup_path;
  if (named !== '') unifiedCgroupPath(named);
  const cgroup = named === '' ? cgroup2Mount() : named;
  let made: WatchClaim;
  try {
    made = await claimWatch(cgroup);
  } catch (err) {
    log.warn('cannot tell whether another obi watches the same processes', { err });
    return undefined;
  }
  const others = made.others().map(({ pid }) => pid);
  if (others.length === 0) return made;
  const overlap = errors.overlap(others, cgroup ?? 'none');
  if (!ebpf.allow_overlap) {
    made[Symbol.dispose]();
    throw overlap;
  }
  log.warn(`${overlap.reason}; both may report the same requests`);
  return made;
}

/** Until the agent runs the answer is 503 with the reason. */
function startHealth(config: Config, status: () => AgentStatus | undefined, log: Logger): Promise<HealthServer> | undefined {
  if (config.health_check.port === 0) return undefined;
  const running = () => {
    const now = status();
    if (!now) throw new Error('obi is starting');
    return now;
  };
  return HealthServer.start(config.health_check.port, running, log);
}

/** Tracing goes on without it: where nothing can be written, nobody can ask. */
async function startExplain({ explain: { buffer_bytes, directory } }: Config, agent: Agent, log: Logger): Promise<ExplainServer | undefined> {
  if (buffer_bytes === 0) return undefined;
  const answer = (id: string) => {
    const told = agent.explain(id);
    if (!told) throw new Error('no records are kept');
    return told;
  };
  try {
    return await ExplainServer.start(directory, answer, log);
  } catch (err) {
    log.warn('`obi explain` gets no answer from this run (explain.directory)', { err });
    return undefined;
  }
}

async function startAgent(container: Container, exporterPorts: readonly number[]): Promise<Agent> {
  try {
    return await Agent.start(container, { hostDirectories: [hostDirectory, process.cwd()], version: VERSION, exporterPorts });
  } catch (error) {
    if (isObiError(error) && error.code === 'OBI_ERR_NO_PROBES' && (error.details['reasons'] as readonly string[]).length === 0)
      throw errors.noProbes([NONE_INSTALLED]);
    throw error;
  }
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
