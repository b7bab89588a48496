// SPDX-License-Identifier: Apache-2.0
/** What the OTLP exporter is configured with: its own standard variables, which core passes through unread. */
import type { Environment } from './environment.js';
import type { Config } from './schema.js';

/** @returns the OTEL_EXPORTER_OTLP_* variables that are set, completed by the endpoint and protocol of the file. */
export function exporterEnvironment(config: Config, env: Environment = process.env): Record<string, string> {
  const variables: Record<string, string> = {};
  const { endpoint, protocol } = config.otel_traces_export;
  if (endpoint !== '') variables['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] = endpoint;
  if (protocol !== '') variables['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] = protocol;
  for (const [name, value] of Object.entries(env)) {
    if (name.startsWith('OTEL_EXPORTER_OTLP_') && value !== undefined && value !== '') variables[name] = value;
  }
  return variables;
}
