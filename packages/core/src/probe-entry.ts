// SPDX-License-Identifier: Apache-2.0
/**
 * `@obi/core/probe`: what probes and exporters need at run time, and nothing that costs memory. The host is a bundle with its own copy of core; whatever crosses the
 * border is compared by value: brands are strings, tokens are `Symbol.for`, marks of injection are properties, errors have codes.
 */
export { Config } from './config/config.js';
export type { Environment } from './config/environment.js';
export { type Constructor, type InjectionToken, inject, injectable } from './di-marks.js';
export * from './elf/index.js';
export { ERROR_CODES, type ErrorCode, type ErrorMeaning } from './error-codes.js';
export * as errors from './errors.js';
export { type ErrorParts, isObiError, ObiError } from './errors.js';
export { deleteEntries } from './kernel/delete-entries.js';
export * from './kernel/kernel.js';
export * from './logging/logger.js';
export * from './logging/silent-logger.js';
export * from './probe/manifest.js';
export * from './probe/probe.js';
export * from './probe/runtime.js';
export type { TracedProcess } from './process/traced-process.js';
export * from './span/plain-value.js';
export * from './span/process-resource.js';
export * from './span/routes.js';
export * from './span/span-exporter.js';
export * from './span/span-writer.js';
export * from './span/tee-span-writer.js';
export * from './time/unix-clock.js';
