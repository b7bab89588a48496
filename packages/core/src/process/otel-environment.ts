// SPDX-License-Identifier: Apache-2.0
/** The standard OpenTelemetry variables of a target's own environment: what its owner calls it. */
import { ATTR_SERVICE_NAME } from '@opentelemetry/semantic-conventions';

/** Resource attributes by name; all values are text. */
export type TextAttributes = Readonly<Record<string, string>>;

/**
 * Parses `OTEL_RESOURCE_ATTRIBUTES`: `key=value` pairs separated by commas, percent-encoded.
 * @returns undefined when any part is broken: the specification has the whole value discarded then.
 * @see https://opentelemetry.io/docs/specs/otel/resource/sdk/#specifying-resource-information-via-an-environment-variable
 */
export function parseResourceAttributes(text: string): TextAttributes | undefined {
  const attributes: Record<string, string> = {};
  for (const pair of text.split(',')) {
    if (pair.trim() === '') continue;
    const equals = pair.indexOf('=');
    const key = decode(pair.slice(0, Math.max(equals, 0)).trim());
    const value = decode(pair.slice(equals + 1).trim());
    if (!key || value === undefined) return undefined;
    attributes[key] = value;
  }
  return attributes;
}

/** Attributes that a process' environment gives it; `OTEL_SERVICE_NAME` wins over `service.name` in the attributes. Empty variables count as unset. */
export function environmentAttributes(environment: ReadonlyMap<string, string>): TextAttributes {
  const attributes = parseResourceAttributes(environment.get('OTEL_RESOURCE_ATTRIBUTES') ?? '') ?? {};
  const name = environment.get('OTEL_SERVICE_NAME');
  return name ? { ...attributes, [ATTR_SERVICE_NAME]: name } : attributes;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
