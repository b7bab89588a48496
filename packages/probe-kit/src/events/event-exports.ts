// SPDX-License-Identifier: Apache-2.0
/** What an object exports to user space: the variables that OBI_EVENT, OBI_COUNTERS and OBI_ENUM leave in section `.obi.events`. */
import { createHash } from 'node:crypto';
import type { CausePlaces, EventEntry } from '@obi/core';
import type { Btf } from '../btf/btf.js';
import type { BtfComposite, BtfEnum, BtfNamed } from '../btf/btf-types.js';
import { type Field, layoutOf } from './layout.js';
import { camelCase, withoutPrefix } from './naming.js';

const SECTION = '.obi.events';

export interface ExportedEvent extends EventEntry {
  /** Smallest valid length: a byte array at the end may be cut. */
  readonly minSize: number;
  readonly fields: readonly Field[];
}
/** What the manifest says of it. */
export function entryOf({ struct, kind, size, digest, explain }: ExportedEvent): EventEntry {
  return { struct, kind, size, digest, ...(explain === undefined ? {} : { explain }) };
}
export interface Exports {
  readonly events: readonly ExportedEvent[];
  readonly counters: readonly string[];
  /** Enums by C name: those of event members and those named by OBI_ENUM. */
  readonly enums: readonly BtfEnum[];
}

/** @throws Error naming the struct, enum or member that cannot be exported. */
export function readExports(btf: Btf): Exports {
  const variables = btf.variables(SECTION);
  const named = (prefix: string) =>
    variables.filter(({ name }) => name.startsWith(prefix)).map((variable) => ({ variable, name: variable.name.slice(prefix.length) }));
  const events = named('obi_event__').map(({ variable, name }) => readEvent(btf, variables, variable, name));
  for (const [index, event] of events.entries()) {
    const other = events.slice(0, index).find(({ kind }) => kind === event.kind);
    if (other !== undefined)
      throw new Error(`events ${other.struct} and ${event.struct} have the same kind ${event.kind}: give each its own number in OBI_EVENT`);
  }
  const counters = named('obi_counters__').map(({ variable, name }) => readCounters(enumOf(btf, variable, name, 'OBI_COUNTERS')));
  if (counters.length > 1) throw new Error('OBI_COUNTERS is used more than once: a probe has one enum of counters');
  const enums = new Map(named('obi_enum__').map(({ variable, name }) => [name, enumOf(btf, variable, name, 'OBI_ENUM')]));
  const used = new Set(events.flatMap(({ fields }) => fields.map(({ enumeration }) => enumeration)));
  for (const type of btf.types) if ((type.kind === 'enum' || type.kind === 'enum64') && used.has(type.name)) enums.set(type.name, type);
  for (const type of enums.values()) refuseUnknownSign(type);
  return { events, counters: counters[0] ?? [], enums: [...enums.values()].sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

/** Over names, kinds, offsets and sizes of the flattened members; equal digests mean that a reader fits the record. */
export function digestOf(fields: readonly Field[]): string {
  const lines = fields.map(({ path, scalar, offset, size, count, bits }) => {
    const kind = scalar + (count === undefined ? '' : `[${count}]`) + (bits === undefined ? '' : `:${bits.shift}+${bits.width}`);
    return `${path}:${kind}:${offset}:${size}`;
  });
  return createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16);
}

function readEvent(btf: Btf, variables: readonly BtfNamed[], variable: BtfNamed, name: string): ExportedEvent {
  const target = btf.pointee(variable.type);
  const struct = target === undefined ? undefined : btf.resolve(target);
  if (struct?.kind !== 'struct') throw new Error(`OBI_EVENT(${name}): struct ${name} is not defined in this object`);
  const kindVariable = variables.find((candidate) => candidate.name === `obi_event_kind__${name}`);
  const kind = kindVariable && btf.uint(kindVariable.type);
  if (kind === undefined) throw new Error(`OBI_EVENT(${name}): no kind beside it; declare both with OBI_EVENT(${name}, KIND)`);
  const fields = layoutOf(btf, struct);
  const explain = causePlaces(btf, struct, fields);
  return { struct: name, kind, size: struct.size, minSize: minSizeOf(btf, struct), digest: digestOf(fields), fields, ...(explain ? { explain } : {}) };
}

/** Where its `struct obi_trace` and `struct obi_cause` are, whatever the members are called: with one of each its spans can be explained. */
function causePlaces(btf: Btf, struct: BtfComposite, fields: readonly Field[]): CausePlaces | undefined {
  const trace = placesIn(btf, struct, fields, 'obi_trace');
  const cause = placesIn(btf, struct, fields, 'obi_cause');
  if (!trace || !cause) return undefined;
  const { flags: _, ...ids } = trace;
  return { ...ids, ...cause } as unknown as CausePlaces;
}

/** Offsets of what the only member of this type holds, by name; undefined when there is none or more than one. */
function placesIn(btf: Btf, struct: BtfComposite, fields: readonly Field[], typeName: string): Record<string, number> | undefined {
  const [member, ...others] = struct.members.filter(({ type }) => {
    const resolved = btf.resolve(type);
    return resolved.kind === 'struct' && resolved.name === typeName;
  });
  if (member === undefined || others.length > 0) return undefined;
  const prefix = `${member.name}.`;
  const own = fields.filter(({ path }) => path.startsWith(prefix) && !path.startsWith(`${prefix}_`));
  return Object.fromEntries(own.map(({ path, offset }) => [camelCase(path.slice(prefix.length)), offset]));
}

/** A byte array as the last member, unless it is padding by name (`_pad`), may be cut to the length in use. */
function minSizeOf(btf: Btf, struct: BtfComposite): number {
  const last = struct.members.at(-1);
  const type = last && btf.resolve(last.type);
  if (last === undefined || type?.kind !== 'array' || last.name.startsWith('_')) return struct.size;
  return btf.sizeOf(type.element) === 1 ? last.bitOffset / 8 : struct.size;
}

function enumOf(btf: Btf, variable: BtfNamed, name: string, macro: string): BtfEnum {
  const target = btf.pointee(variable.type);
  const type = target === undefined ? undefined : btf.resolve(target);
  if (type?.kind !== 'enum' && type?.kind !== 'enum64') throw new Error(`${macro}(${name}): enum ${name} is not defined in this object`);
  return type;
}

/** clang before 16 does not record the sign of an enum: -1 and 4294967295 look alike. */
function refuseUnknownSign(type: BtfEnum): void {
  const unclear = type.kind === 'enum' && !type.signed ? type.values.find(({ value }) => value > 0x7fff_ffffn) : undefined;
  if (unclear !== undefined)
    throw new Error(`enum ${type.name}: ${unclear.name} is negative or above 2^31-1, which the object does not tell apart; use values from 0 to 2^31-1`);
}

/** The last member is a mark and no counter when it ends in `_MAX` (how many there are) or `_OWN` (where a probe's numbers start). */
function readCounters(type: BtfEnum): string[] {
  const values = /_(MAX|OWN)$/.test(type.values.at(-1)?.name ?? '') ? type.values.slice(0, -1) : type.values;
  for (const [index, { name, value }] of values.entries())
    if (value !== BigInt(index)) throw new Error(`enum ${type.name}: ${name} is ${value}, expected ${index}: counters are numbered from 0 without gaps`);
  return withoutPrefix(
    type.name,
    values.map(({ name }) => name),
  ).map((name) => name.toLowerCase());
}
