// SPDX-License-Identifier: Apache-2.0
/** The standard OTEL_* variables of an OTLP exporter, as the OpenTelemetry specification defines them. */
import { type Environment, errors } from '@obi/core';
import { DEFAULT_OTLP_CONFIG, type OtlpConfig, type OtlpTls } from './otlp-config.js';
import { parseHeaders } from './parse-headers.js';
import { readTlsFiles } from './tls-files.js';

const BASE = 'OTEL_EXPORTER_OTLP_';
const TRACES = 'OTEL_EXPORTER_OTLP_TRACES_';

/** True when the environment names a receiver: without one, obi has better sinks than the default address. */
export function otlpEndpointGiven(env: Environment): boolean {
  return lookUp(env, 'ENDPOINT') !== undefined;
}

/**
 * Reads the variables; an empty one counts as unset, one for traces goes before the general one. Of an `https` receiver the certificates are read too.
 * @throws ObiError `OBI_ERR_CONFIG_INVALID` that lists every variable with a wrong value.
 */
export function otlpConfigFromEnvironment(env: Environment): OtlpConfig {
  const problems: string[] = [];
  const read = <T>(setting: Setting | undefined, parse: (value: string) => T, otherwise: T): T => {
    if (setting === undefined) return otherwise;
    try {
      return parse(setting.value);
    } catch (error) {
      problems.push(`${setting.variable} ${(error as Error).message}`);
      return otherwise;
    }
  };

  read(lookUp(env, 'PROTOCOL'), parseProtocol, undefined);
  const config: OtlpConfig = {
    ...DEFAULT_OTLP_CONFIG,
    endpoint: readEndpoint(env, read),
    headers: read(lookUp(env, 'HEADERS'), parseHeaders, {}),
    timeoutMs: read(lookUp(env, 'TIMEOUT'), parseMillis, DEFAULT_OTLP_CONFIG.timeoutMs),
    compression: read(lookUp(env, 'COMPRESSION'), parseCompression, DEFAULT_OTLP_CONFIG.compression),
    tls: readTls(env),
    scheduleDelayMs: read(plain(env, 'OTEL_BSP_SCHEDULE_DELAY'), parseMillis, DEFAULT_OTLP_CONFIG.scheduleDelayMs),
    maxBatchSpans: read(plain(env, 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE'), parseCount, DEFAULT_OTLP_CONFIG.maxBatchSpans),
  };
  if ((config.tls.clientKey === undefined) !== (config.tls.clientCertificate === undefined)) {
    problems.push(`${BASE}CLIENT_KEY and ${BASE}CLIENT_CERTIFICATE go together; set both or none`);
  } else if (config.endpoint.startsWith('https:')) {
    readTlsFiles(config.tls, (setting, text) => problems.push(`${lookUp(env, TLS_VARIABLES[setting])?.variable} ${text}`));
  }
  if (problems.length > 0) throw errors.configInvalid(problems);
  return config;
}

interface Setting {
  readonly variable: string;
  readonly value: string;
}

type Read = <T>(setting: Setting | undefined, parse: (value: string) => T, otherwise: T) => T;

function plain(env: Environment, variable: string): Setting | undefined {
  const value = env[variable]?.trim();
  return value === undefined || value === '' ? undefined : { variable, value };
}

function lookUp(env: Environment, name: string): Setting | undefined {
  return plain(env, TRACES + name) ?? plain(env, BASE + name);
}

/** The endpoint for traces is used as it is; to the general one the path of the signal is added. */
function readEndpoint(env: Environment, read: Read): string {
  const own = plain(env, `${TRACES}ENDPOINT`);
  if (own !== undefined) return read(own, (value) => parseUrl(value).href, DEFAULT_OTLP_CONFIG.endpoint);
  const withPath = (value: string): string => {
    const url = parseUrl(value);
    url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/traces`;
    return url.href;
  };
  return read(plain(env, `${BASE}ENDPOINT`), withPath, DEFAULT_OTLP_CONFIG.endpoint);
}

const TLS_VARIABLES = { certificate: 'CERTIFICATE', clientKey: 'CLIENT_KEY', clientCertificate: 'CLIENT_CERTIFICATE' } as const;

function readTls(env: Environment): OtlpTls {
  const certificate = lookUp(env, 'CERTIFICATE')?.value;
  const clientKey = lookUp(env, 'CLIENT_KEY')?.value;
  const clientCertificate = lookUp(env, 'CLIENT_CERTIFICATE')?.value;
  return {
    ...(certificate === undefined ? {} : { certificate }),
    ...(clientKey === undefined ? {} : { clientKey }),
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
  };
}

function parseUrl(value: string): URL {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new Error(`is "${value}", which is not an http:// or https:// URL; write it like http://localhost:4318`);
}

function parseProtocol(value: string): void {
  if (value === 'http/protobuf') return;
  if (value === 'grpc') {
    throw new Error(
      'is "grpc", which this exporter does not speak; set it to "http/protobuf" and the endpoint to the OTLP/HTTP port of the receiver (4318 by default, where gRPC has 4317)',
    );
  }
  throw new Error(`is "${value}", which this exporter does not speak; set it to "http/protobuf"`);
}

function parseCompression(value: string): 'none' | 'gzip' {
  if (value === 'none' || value === 'gzip') return value;
  throw new Error(`is "${value}"; it can be "gzip" or "none"`);
}

function parseMillis(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new Error(`is "${value}"; it has to be a whole number of milliseconds`);
  return Number(value);
}

function parseCount(value: string): number {
  if (!/^[1-9]\d{0,6}$/.test(value)) throw new Error(`is "${value}"; it has to be a whole number of spans, at least 1`);
  return Number(value);
}
