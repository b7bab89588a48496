// SPDX-License-Identifier: Apache-2.0
/**
 * Attribute names that the semantic conventions have not declared stable yet. @opentelemetry/semantic-conventions advises to copy such names instead of
 * importing `/incubating` (which also costs 5 MB of memory); semconv.test.ts holds them to that package's constants.
 */
export const ATTR_PROCESS_EXECUTABLE_NAME = 'process.executable.name';
export const ATTR_PROCESS_EXECUTABLE_PATH = 'process.executable.path';
export const ATTR_PROCESS_PID = 'process.pid';
export const ATTR_PROCESS_RUNTIME_NAME = 'process.runtime.name';
export const ATTR_HOST_NAME = 'host.name';
