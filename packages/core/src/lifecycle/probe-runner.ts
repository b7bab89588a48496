// SPDX-License-Identifier: Apache-2.0
/** Brings one probe into a running session: object, slots, attachments, decoders. Its failure is its own. */

import { checkProbeSection } from '../config/probe-section.js';
import type { Config } from '../config/schema.js';
import { propagationMethods } from '../config/values.js';
import type { Container } from '../di.js';
import type { DiscoveredProbe } from '../discovery/types.js';
import type { RecordStore } from '../explain/record-store.js';
import type { LoadedObject } from '../kernel/kernel.js';
import type { KernelSession, Parameters } from '../kernel/kernel-session.js';
import { Logger } from '../logging/logger.js';
import type { RecordPump } from '../pipeline/record-pump.js';
import { PROBE_TAPS, type ProbeTap, SLOTS, type SlotName } from '../probe/manifest.js';
import type { Attachment, Probe, SpanDecoder } from '../probe/probe.js';
import { ProbeSection, type RuntimeDriver } from '../probe/runtime.js';
import type { SpanWriter } from '../span/span-writer.js';
import type { Runtimes } from './runtimes.js';

export interface ProbeHost {
  readonly config: Config;
  readonly container: Container;
  readonly session: KernelSession;
  readonly pump: RecordPump;
  readonly writer: SpanWriter;
  readonly parameters: Parameters;
  readonly log: Logger;
  readonly runtimes: Runtimes;
  /** Where records are kept for `obi explain`; undefined: nowhere. */
  readonly records: RecordStore | undefined;
  /** Are outgoing bytes shown to carriers in this run? */
  readonly carriers: boolean;
  /** Taps of the probes of this run. */
  readonly taps: ReadonlySet<ProbeTap>;
}

/**
 * @param slot not used before, not even by a probe that failed: records and counters under its number would be taken for this one's.
 * @throws ObiError naming the probe; nothing of it is left in the kernel then.
 */
export function runProbe(host: ProbeHost, probe: DiscoveredProbe, slot: number): Promise<void> {
  return host.session.attempt(
    () => bringIn(host, probe, slot),
    (err) => host.log.error(`probe ${probe.entry.id}: something of it could not be taken out of the kernel`, { err }),
  );
}

async function bringIn(host: ProbeHost, probe: DiscoveredProbe, slot: number): Promise<void> {
  const { entry, manifest, definition } = probe;
  const actor = `probe ${entry.id}`;
  const log = host.log.child({ probe: entry.id });
  const section = await checkProbeSection(entry.id, definition.config, host.config);
  // Decoders first: one that cannot be built costs nothing in the kernel.
  const own = host.container.child().registerValue(Logger, log).registerValue(ProbeSection, section);
  const decoders = buildDecoders(own, definition);
  const driver = definition.runtime && own.resolve<RuntimeDriver>(definition.runtime);

  const off = new Set(probe.unavailable.map(({ program }) => program));
  for (const [name, program] of slots(entry.slots)) if (!isUsed(host, name)) off.add(program);
  // Who writes into programs is a carrier, too.
  if (!propagationMethods(host.config.ebpf.context_propagation).headers)
    for (const { name, helpers } of manifest.programs) if (helpers.includes('probe_write_user')) off.add(name);
  const loaded = host.session.load({
    actor,
    name: entry.id,
    image: probe.object,
    parameters: { ...host.parameters, ...(definition.parameters?.(section as never) ?? {}), obi_slot: slot },
    required: ['obi_slot'],
    without: [...off],
  });
  for (const attachment of definition.attach ?? []) attach(host.session, loaded, attachment, actor, log);
  for (const [name, program] of slots(entry.slots)) {
    if (!off.has(program)) host.session.fillSlot(actor, loaded, program, SLOTS[name].map, slot);
  }
  if (driver) host.runtimes.add(entry.id, slot, driver, loaded, log);
  for (const event of manifest.events) {
    const binding = definition.events[event.struct];
    const decoder = decoders.get(event.struct);
    if (!binding || !decoder) continue;
    host.pump.add(slot, entry.id, event.kind, {
      event: event.struct,
      minSize: binding.minSize,
      handle: (record) => decoder.decode(record, host.writer),
      counters: decoder.counters,
    });
    if (event.explain) host.records?.add(slot, event.kind, { probe: entry.id, struct: event.struct, places: event.explain, decoder });
  }
}

function buildDecoders(container: Container, definition: Probe): Map<string, SpanDecoder> {
  return new Map(Object.entries(definition.events).map(([struct, { decoder }]) => [struct, container.resolve<SpanDecoder>(decoder)]));
}

function slots(entry: DiscoveredProbe['entry']['slots']): [SlotName, string][] {
  return Object.entries(entry ?? {}) as [SlotName, string][];
}

/** A program in a slot that no tap of this run calls is not even loaded. */
function isUsed(host: ProbeHost, slot: SlotName): boolean {
  if (!host.session.has(SLOTS[slot].map)) return false;
  if (slot === 'carrier.sk_msg') return host.carriers;
  const tap = TAP_OF.get(slot);
  return tap === undefined || host.taps.has(tap);
}
const TAP_OF = new Map<SlotName, ProbeTap>((Object.entries(PROBE_TAPS) as [ProbeTap, SlotName][]).map(([tap, slot]) => [slot, tap]));

function attach(session: KernelSession, loaded: LoadedObject, { program, to, optional }: Attachment, actor: string, log: Logger): void {
  try {
    session.attach(actor, program, () => {
      if ('rawTracepoint' in to) return loaded.attachRawTracepoint(program, to.rawTracepoint);
      if ('tracepoint' in to) {
        const [category = '', name = ''] = to.tracepoint.split('/');
        return loaded.attachTracepoint(program, category, name);
      }
      return loaded.attachKprobe(program, to.kprobe, { return: to.return ?? false });
    });
  } catch (err) {
    if (!optional) throw err;
    log.warn(`goes on without ${program}`, { err });
  }
}
