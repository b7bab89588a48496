// SPDX-License-Identifier: Apache-2.0
/** What `obi probes` says of one probe. */
import type { ProbeDescription } from '@obi/core';

/** One paragraph per probe. */
export function formatProbe(probe: ProbeDescription): string {
  const lines = [`${probe.id}  ${probe.packageName} ${probe.packageVersion}${probe.kind ? `  (${probe.kind})` : ''}`];
  if (probe.needs) {
    lines.push(`  needs     capabilities ${list(probe.needs.capabilities)}; program types ${list(probe.needs.programTypes)}`);
    lines.push(`  built for ${list(probe.needs.architectures)}; API ${probe.needs.api}, kernel ABI ${probe.needs.abi}`);
  }
  if (probe.refusal) lines.push(`  cannot run: ${probe.refusal.reason}`, `  remedy:     ${probe.refusal.remedy}`);
  else lines.push('  can run here');
  for (const { program, reason } of probe.unavailable) lines.push(`  without ${program}: ${reason}`);
  return lines.join('\n');
}

const list = (values: readonly string[]) => values.join(', ') || 'none';
