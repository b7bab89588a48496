// SPDX-License-Identifier: Apache-2.0
/** Everything public of @obi/core; other packages import from here and from nowhere deeper. */

// --- contracts ---------------------------------------------------------------------------------------------------
export * from './span/span-writer.js';
export * from './probe/manifest.js';
export * from './probe/probe.js';
export * from './probe/runtime.js';
export * from './kernel/core-objects.js';
export * from './kernel/kernel.js';
export * from './kernel/kernel-session.js';

// --- base --------------------------------------------------------------------------------------------------------
export * from './di.js';
export { ERROR_CODES, type ErrorCode, type ErrorMeaning } from './error-codes.js';
export { type ErrorParts, isObiError, ObiError } from './errors.js';
/** Factories: `errors.probeImport(id, cause)`. */
export * as errors from './errors.js';
export type { Environment } from './config/environment.js';
export * from './config/exporter-environment.js';
export * from './config/load.js';
export * from './config/print.js';
export * from './config/probe-section.js';
export { Config, DEFAULT_EXCLUDES, SAMPLER_NAMES, type SamplerName, type Selector } from './config/schema.js';
export { type ContextPropagation, formatDuration, parseDuration, propagationLimit, propagationMethods } from './config/values.js';
export { nearest } from './nearest.js';
export * from './discovery/architecture.js';
export * from './discovery/discover.js';
export { missingCapabilities, neededCapabilities, tapProblems } from './discovery/obstacles.js';
export { manifestSchema, packageEntrySchema } from './discovery/schemas.js';
export * from './discovery/types.js';
export * from './logging/logger.js';
export * from './logging/pino-logger.js';
export * from './logging/silent-logger.js';

// --- span model (src/span): process-resource, span-exporter, tee-span-writer: owners add their lines here ------------
export * from './span/process-resource.js';
export * from './span/config-routes.js';
export * from './span/routes.js';
export * from './span/span-exporter.js';
export * from './span/tee-span-writer.js';
export * from './time/unix-clock.js';

// --- processes (src/process) -----------------------------------------------------------------------------------------
export * from './process/index.js';

// --- pipeline and lifecycle (src/pipeline, src/lifecycle) --------------------------------------------------------------
export * from './explain/answer.js';
export * from './explain/explain-client.js';
export * from './explain/explain-server.js';
export { parseId, type WantedId } from './explain/span-id.js';
export * from './health/health-server.js';
export * from './lifecycle/agent.js';
export * from './pipeline/record-pump.js';
