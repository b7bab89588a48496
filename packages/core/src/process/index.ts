// SPDX-License-Identifier: Apache-2.0
/** Process discovery: which processes are traced, and as what service. */
export { cgroup2Mount, unifiedCgroupPath } from './cgroup-path.js';
export { type ExecutionModel, type ProcessTraits, type TraitOptions, TraitReader } from './execution-model.js';
export { compileGlob, compilePathGlobs, compileTextGlobs, type Glob } from './glob.js';
export { listeningPorts } from './listening-ports.js';
export { environmentAttributes, parseResourceAttributes, type TextAttributes } from './otel-environment.js';
export { type PortSet, parsePorts } from './port-set.js';
export { ProcDirectory } from './proc-directory.js';
export type { ProcessStat, ProcFs, RandomAccessFile } from './proc-fs.js';
export { ProcessTable, type ProcessTableOptions } from './process-table.js';
export { DEFAULT_FIONREAD_SAFE } from './runtime-table.js';
export { type ProcessSelector, placeOf, type SelectionConfig, SelectionRules, type ServiceIdentity } from './selection-rules.js';
export { type ServiceResourceOptions, ServiceResources } from './service-resource.js';
export type { DeselectReason, ProcessListener, TracedProcess } from './traced-process.js';
