// SPDX-License-Identifier: Apache-2.0
/** Where spans go in this run: the receiver that the environment names, the printer, or memory when there is neither. */
import { type Config, type Container, errors, exporterEnvironment, Logger, ProcessDirectory, type SpanExporter } from '@obi/core';
import { ConsoleExporter, MemoryStore } from '@obi/exporter-console';
import { type OtlpConfig, OtlpExporter, otlpConfigFromEnvironment, otlpEndpointGiven } from '@obi/exporter-otlp';
import { VERSION } from './host.js';

export interface Sinks {
  /** Ports on this machine whose listener receives our spans. */
  readonly exporterPorts: readonly number[];
  readonly make: (container: Container) => readonly SpanExporter[];
}

export function sinks(config: Config, env: NodeJS.ProcessEnv = process.env): Sinks {
  const environment = { ...env, ...exporterEnvironment(config) };
  const otlp = otlpEndpointGiven(environment) ? otlpConfigFromEnvironment(environment) : undefined;
  return {
    exporterPorts: otlp ? localPort(otlp) : [],
    make: (container) => {
      const directory = container.resolve<ProcessDirectory>(ProcessDirectory);
      const log = container.resolve<Logger>(Logger);
      const made: SpanExporter[] = [];
      if (otlp) made.push(makeOtlp({ ...otlp, shutdownTimeoutMs: exporterDeadline(config) }, directory, log));
      if (config.trace_printer !== 'disabled') made.push(new ConsoleExporter({ directory, format: config.trace_printer }));
      if (made.length === 0) made.push(new MemoryStore({ directory }));
      return made;
    },
  };
}

/** The exporter gives up before the whole program does, so that it can say what it could not send. */
function exporterDeadline(config: Config): number {
  return Math.max(0, config.shutdown_timeout - Math.min(500, config.shutdown_timeout / 4));
}

/** @throws ObiError for a file of OTEL_EXPORTER_OTLP_CERTIFICATE, …_CLIENT_KEY or …_CLIENT_CERTIFICATE that cannot be read. */
function makeOtlp(config: OtlpConfig, directory: ProcessDirectory, log: Logger): OtlpExporter {
  try {
    return new OtlpExporter({ config, directory, version: VERSION, log });
  } catch (error) {
    throw errors.configInvalid([`OTEL_EXPORTER_OTLP_CERTIFICATE, …_CLIENT_KEY or …_CLIENT_CERTIFICATE: ${(error as Error).message}`]);
  }
}

function localPort({ endpoint }: OtlpConfig): number[] {
  const { hostname, port, protocol } = new URL(endpoint);
  const isLocal = hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname);
  return isLocal ? [Number(port) || (protocol === 'https:' ? 443 : 80)] : [];
}
