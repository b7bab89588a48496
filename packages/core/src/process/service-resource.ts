// SPDX-License-Identifier: Apache-2.0
/** The OpenTelemetry resource of a traced process: who it says it is, who the rules say it is, and where it runs. */
import { hostname } from 'node:os';
import { basename } from 'node:path/posix';
import { detectResources, hostDetector, osDetector, type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import {
  ATTR_SERVICE_INSTANCE_ID,
  ATTR_SERVICE_NAME,
  ATTR_SERVICE_NAMESPACE,
  ATTR_TELEMETRY_DISTRO_NAME,
  ATTR_TELEMETRY_DISTRO_VERSION,
  ATTR_TELEMETRY_SDK_LANGUAGE,
  ATTR_TELEMETRY_SDK_NAME,
  ATTR_TELEMETRY_SDK_VERSION,
} from '@opentelemetry/semantic-conventions';
import type { AttributeValue } from '../span/process-resource.js';
import type { ProcessTraits } from './execution-model.js';
import type { TextAttributes } from './otel-environment.js';
import { programName } from './program-name.js';
import type { ServiceIdentity } from './selection-rules.js';
import { ATTR_HOST_NAME, ATTR_PROCESS_EXECUTABLE_NAME, ATTR_PROCESS_EXECUTABLE_PATH, ATTR_PROCESS_PID, ATTR_PROCESS_RUNTIME_NAME } from './semconv.js';

export interface ServiceResourceOptions {
  /** Version of obi. */
  readonly version: string;
  /** obi's own `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_SERVICE_NAME` and service namespace: defaults for all traced processes. */
  readonly attributes?: TextAttributes | undefined;
}

export interface ServiceProcess {
  readonly pid: number;
  readonly exe: string;
  readonly cmdline: readonly string[];
  readonly traits: ProcessTraits;
  /** From the rule that selected it, or from its parent. */
  readonly identity: ServiceIdentity;
  /** From the process' own environment. */
  readonly attributes: TextAttributes;
}

/**
 * `service.name` is, in this order: the target's own OTEL_SERVICE_NAME, its OTEL_RESOURCE_ATTRIBUTES, the name of the rule, obi's own setting, the program's
 * name (program-name.ts). Other attributes follow the same order; `telemetry.*` and `process.*` are always what obi saw. The command line is left out: it may hold secrets.
 */
export class ServiceResources {
  readonly #host: Resource;
  readonly #hostName: string;
  readonly #distro: Resource;
  readonly #defaults: TextAttributes;

  private constructor(options: ServiceResourceOptions, host: Resource) {
    this.#host = host;
    this.#hostName = String(host.attributes[ATTR_HOST_NAME] ?? hostname());
    this.#defaults = options.attributes ?? {};
    this.#distro = resourceFromAttributes({
      [ATTR_TELEMETRY_SDK_NAME]: 'opentelemetry',
      [ATTR_TELEMETRY_SDK_VERSION]: options.version,
      [ATTR_TELEMETRY_DISTRO_NAME]: 'obi-typescript',
      [ATTR_TELEMETRY_DISTRO_VERSION]: options.version,
    });
  }

  /** Detects the host (its id is read from a file). @param host instead of detecting, for tests. */
  static async create(options: ServiceResourceOptions, host: Resource = detectResources({ detectors: [hostDetector, osDetector] })): Promise<ServiceResources> {
    await host.waitForAsyncAttributes?.();
    return new ServiceResources(options, host);
  }

  attributesOf(process: ServiceProcess): Readonly<Record<string, AttributeValue>> {
    const { identity, traits } = process;
    const merged = this.#host
      .merge(resourceFromAttributes({ [ATTR_SERVICE_NAME]: programName(process.exe, process.cmdline) }))
      .merge(resourceFromAttributes(this.#defaults))
      // Never from the defaults: it tells processes apart.
      .merge(resourceFromAttributes({ [ATTR_SERVICE_INSTANCE_ID]: `${this.#hostName}:${process.pid}` }))
      .merge(resourceFromAttributes(given({ [ATTR_SERVICE_NAME]: identity.name, [ATTR_SERVICE_NAMESPACE]: identity.namespace })))
      .merge(resourceFromAttributes(process.attributes))
      .merge(
        resourceFromAttributes(
          given({
            [ATTR_PROCESS_PID]: process.pid,
            [ATTR_PROCESS_EXECUTABLE_NAME]: basename(process.exe),
            [ATTR_PROCESS_EXECUTABLE_PATH]: process.exe,
            [ATTR_PROCESS_RUNTIME_NAME]: traits.runtime,
            [ATTR_TELEMETRY_SDK_LANGUAGE]: traits.language,
          }),
        ),
      )
      .merge(this.#distro);
    return merged.attributes as Readonly<Record<string, AttributeValue>>;
  }
}

/** Drops what is not known, so that it does not hide what is. */
function given(values: Readonly<Record<string, string | number | undefined>>): Record<string, string | number> {
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string | number] => entry[1] !== undefined && entry[1] !== ''));
}
