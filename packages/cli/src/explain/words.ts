// SPDX-License-Identifier: Apache-2.0
/** Pieces of the texts of `obi explain`. Names and addresses come off the wire: nothing of theirs may steer the terminal. */
import type { ExplainedScope, ExplainedSpan } from '@obi/core';
import { formatDuration, printable } from '@obi/exporter-console';

export const formatMs = (ms: number): string => {
  const seconds = ms / 1000;
  if (seconds < 120) return formatDuration(BigInt(Math.round(ms * 1e6)), false);
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
};

/** `client GET http://…`: kind, name, and where to if the name does not say it. */
export function titleOf({ kind, name, attributes }: ExplainedSpan): string {
  if (name === null) return `${kind} (not reported: its probe writes no span for it)`;
  const place = attributes['url.full'] ?? (name.includes('/') ? undefined : attributes['url.path']);
  return printable(`${kind} ${name}${place === undefined ? '' : ` ${place}`}`);
}

export function processOf({ process: { pid, service } }: ExplainedSpan): string {
  return `${service === null ? 'a process that is gone' : printable(service)} (pid ${pid ?? 'unknown'})`;
}

/** @param pid of the process that it belongs to, when that was said already */
export function scopeOf(scope: ExplainedScope | null, pid: number | null): string {
  if (!scope) return 'an unknown scope';
  if (scope.kind === 'declared') return `scope ${scope.id} of the runtime probe`;
  return scope.pid === pid ? `thread ${scope.tid}` : `thread ${scope.tid} of process ${scope.pid}`;
}
