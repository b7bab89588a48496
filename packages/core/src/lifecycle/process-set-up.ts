// SPDX-License-Identifier: Apache-2.0
/** Process discovery, made from the configuration. */
import type { Config } from '../config/schema.js';
import { DEFAULT_FIONREAD_SAFE, ProcDirectory, type ProcessListener, ProcessTable, SelectionRules, ServiceResources, TraitReader } from '../process/index.js';
import type { WatchedCgroup } from './kernel-parameters.js';

export interface ProcessSetUp {
  readonly version: string;
  readonly exporterPorts?: readonly number[];
  readonly traceOwnChildren?: boolean;
}

export async function makeProcessTable(
  config: Config,
  cgroup: WatchedCgroup | undefined,
  setUp: ProcessSetUp,
  listener: ProcessListener,
): Promise<ProcessTable> {
  const procFs = new ProcDirectory();
  const safe = config.ebpf.fionread_safe_executables;
  const rules = new SelectionRules({
    instrument: config.discovery.instrument,
    exclude: [...config.discovery.default_exclude_instrument, ...config.discovery.exclude_instrument],
    cgroup: cgroup?.path,
  });
  const attributes = {
    ...config.resource_attributes,
    ...(config.service_name === '' ? {} : { 'service.name': config.service_name }),
    ...(config.service_namespace === '' ? {} : { 'service.namespace': config.service_namespace }),
  };
  return new ProcessTable({
    procFs,
    rules,
    traits: new TraitReader(procFs, {
      multiplexed: config.discovery.multiplexed_executables,
      threaded: config.discovery.threaded_executables,
      fionreadSafe: safe.length > 0 ? [...DEFAULT_FIONREAD_SAFE, ...safe] : undefined,
    }),
    resources: await ServiceResources.create({ version: setUp.version, attributes }),
    listener,
    ownPid: process.pid,
    traceOwnChildren: setUp.traceOwnChildren,
    exporterPorts: setUp.exporterPorts,
  });
}
