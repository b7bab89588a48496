// SPDX-License-Identifier: Apache-2.0
/** Where spans go in this run: the receiver that the environment names, the printer, or memory when there is neither. */
import { type Config, type Container, exporterEnvironment, Logger, ProcessDirectory, type SpanExporter } from '@obi/core';
import { ConsoleExporter, MemoryStore } from '@obi/exporter-console';
import { type OtlpConfig, OtlpExporter, otlpConfigFromEnvironment, otlpEndpointGiven } from '@obi/exporter-otlp';
import { VERSION } from './host.js';

export interface Sinks {
  /** Ports on this machine whose listener receives our spans. */
  readonly exporterPorts: readonly number[];
  readonly make: (container: Container) => readonly SpanExporter[];
  /** One line each; to be logged. */
  readonly warnings: readonly string[];
}

/** @throws ObiError OBI_ERR_CONFIG_INVALID for variables of the receiver with a wrong value. */
export function sinks(config: Config, env: NodeJS.ProcessEnv = process.env): Sinks {
  const environment = { ...env, ...exporterEnvironment(config) };
  const otlp = otlpEndpointGiven(environment) ? otlpConfigFromEnvironment(environment) : undefined;
  return {
    exporterPorts: otlp ? localPort(otlp) : [],
    warnings: otlp ? [] : unusedSettings(environment),
    make: (container) => {
      const directory = container.resolve<ProcessDirectory>(ProcessDirectory);
      const log = container.resolve<Logger>(Logger);
      const made: SpanExporter[] = [];
      // The agent flushes with what is left of shutdown_timeout then; what is held after that is given up, and counted.
      if (otlp) made.push(new OtlpExporter({ config: { ...otlp, shutdownTimeoutMs: 0 }, directory, version: VERSION, log }));
      if (config.trace_printer !== 'disabled') made.push(new ConsoleExporter({ directory, format: config.trace_printer }));
      if (made.length === 0) made.push(new MemoryStore({ directory }));
      return made;
    },
  };
}

/** Settings of a receiver without the receiver: whoever set them expects spans to be sent. */
function unusedSettings(environment: NodeJS.ProcessEnv): string[] {
  const names = Object.keys(environment).filter((name) => name.startsWith('OTEL_EXPORTER_OTLP_') && (environment[name] ?? '').trim() !== '');
  if (names.length === 0) return [];
  return [`${names.sort().join(', ')}: without OTEL_EXPORTER_OTLP_ENDPOINT (or otel_traces_export.endpoint) nothing is sent, and this is not read`];
}

function localPort({ endpoint }: OtlpConfig): number[] {
  const { hostname, port, protocol } = new URL(endpoint);
  const isLocal = hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname);
  return isLocal ? [Number(port) || (protocol === 'https:' ? 443 : 80)] : [];
}
