// SPDX-License-Identifier: Apache-2.0
/** What /proc says about a process that matters before it is sent a signal. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface ProcessStatus {
  /** One letter, as in proc(5). */
  readonly state: string;
  readonly blocked: bigint;
  readonly ignored: bigint;
  readonly caught: bigint;
}

const field = (text: string, name: string): string => text.match(new RegExp(`^${name}:\\s*(\\S+)`, 'm'))?.[1] ?? '';
const mask = (text: string, name: string): bigint => BigInt(`0x${field(text, name) || '0'}`);

/** Of the main thread. @returns undefined when the process is gone */
export function readStatus(pid: number): ProcessStatus | undefined {
  const text = readText(`/proc/${pid}/status`);
  if (text === undefined) return undefined;
  return { state: field(text, 'State'), blocked: mask(text, 'SigBlk'), ignored: mask(text, 'SigIgn'), caught: mask(text, 'SigCgt') };
}

export const has = (set: bigint, signal: number): boolean => (set & (1n << BigInt(signal - 1))) !== 0n;

/** Clock ticks between boot and start: with the pid, who the process is. @returns undefined when it is gone */
export function startTimeOf(pid: number): number | undefined {
  const text = readText(`/proc/${pid}/stat`);
  // The name, in parentheses, may hold anything.
  return text === undefined ? undefined : Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[19]);
}

/** File whose executable mapping holds this address, as the kernel names it. */
export function mappedCodeAt(pid: number, address: bigint): string | undefined {
  for (const line of (readText(`/proc/${pid}/maps`) ?? '').split('\n')) {
    const match = line.match(/^([0-9a-f]+)-([0-9a-f]+) ..x. \S+ \S+ \d+\s+(.*)$/);
    if (match && address >= BigInt(`0x${match[1]}`) && address < BigInt(`0x${match[2]}`)) return match[3];
  }
  return undefined;
}

/** Where a namespace link points, e.g. `net:[4026531840]`. */
export const namespaceOf = (pid: number | 'self', kind: 'net' | 'pid'): string | undefined => readLink(`/proc/${pid}/ns/${kind}`);

/** Environment variable that the process was started with. */
export const environmentOf = (pid: number, name: string): string =>
  (readText(`/proc/${pid}/environ`) ?? '')
    .split('\0')
    .find((entry) => entry.startsWith(`${name}=`))
    ?.slice(name.length + 1) ?? '';

export const threadNamesOf = (pid: number): string[] => list(`/proc/${pid}/task`).map((tid) => (readText(`/proc/${pid}/task/${tid}/comm`) ?? '').trim());

export function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // gone, or not ours to read
  }
}

export function readLink(file: string): string | undefined {
  try {
    return readlinkSync(file);
  } catch {
    return undefined;
  }
}

export function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
