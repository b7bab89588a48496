// SPDX-License-Identifier: Apache-2.0
/** Which programs of a probe this kernel and these rights can run, told from the manifest alone. */
import { type ObiError, probeCapabilities, probeKernelFeatures, probeManifestInvalid } from '../errors.js';
import type { KernelFeatures } from '../kernel/kernel.js';
import {
  type PackageEntry,
  PROBE_TAPS,
  type ProbeManifest,
  type ProbeTap,
  type ProgramEntry,
  type ProgramType,
  SLOTS,
  type SlotName,
} from '../probe/manifest.js';
import type { UnavailableProgram } from './types.js';

/** Linux 5.8 and newer; see capabilities(7). CAP_SYS_ADMIN stands for all three. */
const CAPABILITY_OF: Readonly<Record<ProgramType, 'PERFMON' | 'NET_ADMIN' | undefined>> = {
  raw_tracepoint: 'PERFMON',
  kprobe: 'PERFMON',
  uprobe: 'PERFMON',
  tracepoint: 'PERFMON',
  tracing: 'PERFMON',
  iter: 'PERFMON',
  sk_msg: 'NET_ADMIN',
  sock_ops: 'NET_ADMIN',
  cgroup_sock_addr: 'NET_ADMIN',
  other: undefined,
};

/** What a program needs besides CAP_BPF. */
export function capabilitiesOf({ type, helpers }: Pick<ProgramEntry, 'type' | 'helpers'>): string[] {
  const own = CAPABILITY_OF[type];
  return ['BPF', ...(own === undefined ? [] : [own]), ...(helpers.includes('probe_write_user') ? ['SYS_ADMIN'] : [])];
}

/** Capabilities for a set of programs, sorted. */
export function neededCapabilities(programs: readonly Pick<ProgramEntry, 'type' | 'helpers'>[]): string[] {
  return [...new Set(programs.flatMap(capabilitiesOf))].sort();
}

export function missingCapabilities(needed: readonly string[], held: readonly string[]): string[] {
  return held.includes('SYS_ADMIN') ? [] : needed.filter((name) => !held.includes(name));
}

/**
 * A helper counts only where a program cannot guard its call by itself: an object may test for `bpf_loop` by CO-RE and carry another
 * path, which the list of its helpers does not show; lockdown and a missing ring buffer cannot be tested for.
 */
function missingFeature({ type, section, helpers }: ProgramEntry, features: KernelFeatures): string | undefined {
  if (type !== 'other' && !features.programTypes.includes(type)) return `programs of type ${type} do not load on this kernel`;
  if (type === 'kprobe' && !features.kprobes) return 'the kernel has no kprobes (CONFIG_KPROBES)';
  if (type === 'tracing' && /^(fentry|fexit|fmod_ret)/.test(section) && !features.fentry) return 'the kernel has no fentry (CONFIG_FPROBE, BPF trampolines)';
  if (helpers.some((name) => name.startsWith('ringbuf_')) && !features.ringBuffer) return 'the kernel has no BPF ring buffer (Linux 5.8)';
  return helpers.includes('probe_write_user') && !features.probeWriteUser ? notAllowed(features) : undefined;
}

/** What is known whatever the rights, and no right mends. */
function certainLack({ helpers }: ProgramEntry, features: KernelFeatures): string | undefined {
  if (!features.btf) return 'the kernel has no BTF (CONFIG_DEBUG_INFO_BTF)';
  const isLocked = features.lockdown === 'integrity' || features.lockdown === 'confidentiality';
  return helpers.includes('probe_write_user') && !features.probeWriteUser && isLocked ? notAllowed(features) : undefined;
}

const notAllowed = ({ lockdown }: KernelFeatures) => `bpf_probe_write_user is not allowed (lockdown: ${lockdown})`;

/** Most features are found by loading programs: without the rights for a program nothing is known of those that it needs, and the rights come first. */
function obstacle(program: ProgramEntry, features: KernelFeatures): UnavailableProgram | undefined {
  const certain = certainLack(program, features);
  if (certain !== undefined) return { program: program.name, code: 'OBI_ERR_PROBE_KERNEL_FEATURES', reason: certain };
  const missing = missingCapabilities(capabilitiesOf(program), features.capabilities);
  if (missing.length > 0)
    return { program: program.name, code: 'OBI_ERR_PROBE_CAPABILITIES', reason: `missing ${missing.map((name) => `CAP_${name}`).join(', ')}` };
  const feature = missingFeature(program, features);
  return feature === undefined ? undefined : { program: program.name, code: 'OBI_ERR_PROBE_KERNEL_FEATURES', reason: feature };
}

/**
 * @returns the programs to leave out.
 * @throws ObiError when nothing essential is left: all slots of the probe's own family (`carrier.*` for a carrier, else `protocol.*`;
 *   all its slots when it has none there; all its programs when it has no slots).
 */
export function judgePrograms(entry: PackageEntry, manifest: ProbeManifest, features: KernelFeatures): UnavailableProgram[] {
  const slots = Object.entries(entry.slots ?? {}) as [SlotName, string][];
  const names = manifest.programs.map((program) => program.name);
  for (const [slot, name] of slots) checkSlot(entry.id, manifest, slot, name);
  const [problem] = tapProblems(entry, manifest);
  if (problem !== undefined) throw probeManifestInvalid(entry.id, problem);
  const unavailable = manifest.programs.flatMap((program) => obstacle(program, features) ?? []);
  const family = entry.kind === 'carrier' ? 'carrier.' : 'protocol.';
  const own = slots.filter(([slot]) => slot.startsWith(family));
  const essential = own.length > 0 ? own.map(([, name]) => name) : slots.length > 0 ? slots.map(([, name]) => name) : names;
  const lost = unavailable.filter(({ program }) => essential.includes(program));
  if (essential.length > 0 && essential.every((name) => lost.some(({ program }) => program === name))) throw refuseFor(entry.id, lost);
  return unavailable;
}

function checkSlot(id: string, { programs }: ProbeManifest, slot: SlotName, name: string): void {
  const program = programs.find((p) => p.name === name);
  if (program === undefined)
    throw probeManifestInvalid(id, `slot ${slot} names program ${name}, its object has ${programs.map((p) => p.name).join(', ') || 'none'}`);
  const { programType } = SLOTS[slot];
  if (program.type !== programType) throw probeManifestInvalid(id, `slot ${slot} takes programs of type ${programType}, ${name} is of type ${program.type}`);
}

/**
 * An object that has a tap's map tells or is told: one that tells without saying so would find no protocol that listens. What has a program for the slot
 * is believed to be told only.
 * @returns what is wrong with `obi.taps`, one sentence each
 */
export function tapProblems({ slots = {}, taps = [] }: PackageEntry, { maps }: Pick<ProbeManifest, 'maps'>): string[] {
  const unknown = taps.filter((tap) => !Object.hasOwn(PROBE_TAPS, tap)).map((tap) => `taps names ${tap}; there are ${Object.keys(PROBE_TAPS).join(', ')}`);
  return (Object.entries(PROBE_TAPS) as [ProbeTap, SlotName][]).reduce((problems, [tap, slot]) => {
    const { map } = SLOTS[slot];
    const hasMap = maps.some(({ name }) => name === map);
    if (taps.includes(tap) && !hasMap) problems.push(`taps names ${tap}, its object has no map ${map}`);
    if (hasMap && !taps.includes(tap) && slots[slot] === undefined)
      problems.push(`its object has the map ${map}: its package.json must name "${tap}" in obi.taps, or a program in the slot ${slot}`);
    return problems;
  }, unknown);
}

/** @param lost at least one program that the probe cannot do without. */
export function refuseFor(id: string, lost: readonly UnavailableProgram[]): ObiError {
  // A kernel that lacks the feature is the more useful news: no right mends it.
  const features = lost.filter(({ code }) => code === 'OBI_ERR_PROBE_KERNEL_FEATURES');
  const decisive = features.length === lost.length ? features : lost.filter(({ code }) => code === 'OBI_ERR_PROBE_CAPABILITIES');
  const reason = [...new Set(decisive.map(({ reason }) => reason))]
    .map((why) => `cannot run ${decisive.flatMap(({ program, reason }) => (reason === why ? [program] : [])).join(', ')}: ${why}`)
    .join(', ');
  return decisive === features ? probeKernelFeatures(id, reason) : probeCapabilities(id, reason);
}
