// SPDX-License-Identifier: Apache-2.0
/** Turns one JSON log line into the short form for people: `12:00:00.000 WARN  message key=value`. */
import { printable } from './printable.js';

/** @param json one line as pino writes it; a line that is no JSON object is passed through. @returns one line, whatever its values hold. */
export function formatLine(json: string): string {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(json) as Record<string, unknown>;
  } catch {
    return json;
  }
  const { time, level, message, err, ...fields } = record;
  const clock = String(time).slice(11, 23);
  const parts = [clock, String(level).padEnd(5), printable(String(message ?? ''))];
  for (const [key, value] of Object.entries(fields)) parts.push(`${printable(key)}=${show(value)}`);
  if (typeof err === 'object' && err !== null) {
    const { message: reason, code } = err as { message?: unknown; code?: unknown };
    parts.push(`error=${show(reason)}`);
    if (code !== undefined) parts.push(`code=${show(code)}`);
  }
  return `${parts.join(' ')}\n`;
}

function show(value: unknown): string {
  if (typeof value === 'string' && /^[^\s"=]+$/.test(value) && printable(value) === value) return value;
  return printable(JSON.stringify(value) ?? 'undefined');
}
