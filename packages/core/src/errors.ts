// SPDX-License-Identifier: Apache-2.0
/** Every error that obi raises on purpose: one class, made by the factories below only, each with a documented code. */
import { ERROR_CODES, type ErrorCode } from './error-codes.js';
import type { KernelError, KernelStage } from './kernel/kernel.js';

export interface ErrorParts {
  /** Who failed, e.g. `probe http`; the message begins with it. */
  readonly actor: string;
  /** What happened, and where. */
  readonly reason: string;
  /** What to do about it. */
  readonly remedy: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** `message` reads `<actor>: <reason>; <remedy>`. The parts stay apart for tables such as that of `obi probes`. */
export class ObiError extends Error {
  readonly code: ErrorCode;
  readonly actor: string;
  readonly reason: string;
  readonly remedy: string;
  readonly details: Readonly<Record<string, unknown>>;

  /** Use a factory instead: it knows the code's words. */
  constructor(code: ErrorCode, parts: ErrorParts) {
    super(`${parts.actor}: ${parts.reason}; ${parts.remedy}`, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = 'ObiError';
    this.code = code;
    this.actor = parts.actor;
    this.reason = parts.reason;
    this.remedy = parts.remedy;
    this.details = parts.details ?? {};
  }
}

/** True for errors of another copy of core too. */
export function isObiError(error: unknown): error is ObiError {
  return error instanceof Error && typeof (error as ObiError).code === 'string' && Object.hasOwn(ERROR_CODES, (error as ObiError).code);
}

/** Not by `instanceof`: what a module throws may come from another realm. */
const text = (cause: unknown): string => (cause as Partial<Error> | null | undefined)?.message ?? String(cause);

const MAX_LINES = 20;

/** Of a list for people, as much as people read. */
export function shorten(lines: readonly string[]): readonly string[] {
  return lines.length <= MAX_LINES ? lines : [...lines.slice(0, MAX_LINES), `… and ${lines.length - MAX_LINES} more`];
}

function make(code: ErrorCode, actor: string, reason: string, more: { remedy?: string; cause?: unknown; details?: Record<string, unknown> } = {}): ObiError {
  const remedy = more.remedy ?? ERROR_CODES[code].remedy.replace(/^[A-Z](?=[a-z ])/, (c) => c.toLowerCase()).replace(/\.$/, '');
  return new ObiError(code, { actor, reason, remedy, ...('cause' in more ? { cause: more.cause } : {}), ...(more.details ? { details: more.details } : {}) });
}

// --- configuration -------------------------------------------------------------------------------------------------

export const configRead = (file: string, cause: unknown) =>
  make('OBI_ERR_CONFIG_READ', 'configuration', `cannot read ${file}: ${text(cause)}`, { cause, details: { file } });
/** The message shows the first problems; `details.problems` has all. */
export const configInvalid = (problems: readonly string[]) =>
  make('OBI_ERR_CONFIG_INVALID', 'configuration', `${problems.length} problem${problems.length === 1 ? '' : 's'}\n  ${shorten(problems).join('\n  ')}\n`, {
    details: { problems },
  });
export const configProbe = (id: string, problems: readonly string[]) =>
  make('OBI_ERR_CONFIG_PROBE', `probe ${id}`, `probes.${id}: ${problems.join(', ')}`, { details: { problems } });

// --- selection of plugins ------------------------------------------------------------------------------------------

export function pluginUnknown(name: string, installed: readonly string[], nearest?: string): ObiError {
  const hint = nearest === undefined ? '' : ` (did you mean "${nearest}"?)`;
  const list = installed.length === 0 ? 'none' : installed.join(', ');
  return make('OBI_ERR_PLUGIN_UNKNOWN', '--plugins', `there is no probe "${name}"${hint}; installed: ${list}`, { details: { name, installed, nearest } });
}
export function pluginPath(path: string, cause: unknown): ObiError {
  const details = { path };
  // Errors of the file system have a code; without one the file was read.
  if (typeof (cause as NodeJS.ErrnoException | undefined)?.code === 'string')
    return make('OBI_ERR_PLUGIN_PATH', '--plugins', `no package at ${path}: ${text(cause)}`, { cause, details });
  return make('OBI_ERR_PLUGIN_PATH', '--plugins', `the package.json in ${path} is broken: ${text(cause)}`, { remedy: 'correct it', cause, details });
}

// --- checks of a probe package, in the order in which they run -----------------------------------------------------

const probe = (code: ErrorCode) => (id: string, reason: string, more?: { remedy?: string; cause?: unknown; details?: Record<string, unknown> }) =>
  make(code, `probe ${id}`, reason, more);

export const probeEntryInvalid = probe('OBI_ERR_PROBE_ENTRY_INVALID');
export const probeApiMismatch = (id: string, theirs: number, ours: number) =>
  probe('OBI_ERR_PROBE_API_MISMATCH')(id, `written for probe API ${theirs}, this obi has API ${ours}`, { details: { theirs, ours } });
export const probeManifestMissing = probe('OBI_ERR_PROBE_MANIFEST_MISSING');
export const probeManifestInvalid = probe('OBI_ERR_PROBE_MANIFEST_INVALID');
export const probeAbiMismatch = (id: string, theirs: number, ours: number) =>
  probe('OBI_ERR_PROBE_ABI_MISMATCH')(id, `its object was compiled for kernel ABI ${theirs}, this obi has ABI ${ours}`, { details: { theirs, ours } });
export const probeArchitecture = (id: string, architecture: string, available: readonly string[]) =>
  probe('OBI_ERR_PROBE_ARCHITECTURE')(id, `no object for ${architecture}, only for ${available.join(', ') || 'none'}`, {
    details: { architecture, available },
  });
export const probeObjectMissing = probe('OBI_ERR_PROBE_OBJECT_MISSING');
export const probeObjectDigest = (id: string, file: string, expected: string, actual: string) =>
  probe('OBI_ERR_PROBE_OBJECT_DIGEST')(id, `${file} has sha256 ${actual}, the manifest says ${expected}`, { details: { file, expected, actual } });
export const probeKernelFeatures = probe('OBI_ERR_PROBE_KERNEL_FEATURES');
export const probeCapabilities = probe('OBI_ERR_PROBE_CAPABILITIES');
export const probeImport = (id: string, cause: unknown) => probe('OBI_ERR_PROBE_IMPORT')(id, `its module cannot be imported: ${text(cause)}`, { cause });
export const probeBrand = probe('OBI_ERR_PROBE_BRAND');
export const probeIdMismatch = probe('OBI_ERR_PROBE_ID_MISMATCH');
export const probeEventUnbound = (id: string, event: string) =>
  probe('OBI_ERR_PROBE_EVENT_UNBOUND')(id, `its object emits ${event}, its code binds no decoder to it`, { details: { event } });
export const probeLayoutDrift = probe('OBI_ERR_PROBE_LAYOUT_DRIFT');
export const probeDuplicateId = (id: string, first: string, second: string) =>
  probe('OBI_ERR_PROBE_DUPLICATE_ID')(id, `${second} has the id of ${first}, which came first`, { details: { first, second } });
export const probeDecoder = (id: string, event: string, cause: unknown) =>
  probe('OBI_ERR_PROBE_DECODER')(id, `its decoder of ${event} threw: ${text(cause)}`, { cause, details: { event } });

// --- kernel --------------------------------------------------------------------------------------------------------

const STAGE_CODE: Readonly<Record<KernelStage, ErrorCode>> = {
  open: 'OBI_ERR_KERNEL_OPEN',
  load: 'OBI_ERR_KERNEL_LOAD',
  attach: 'OBI_ERR_KERNEL_ATTACH',
  map: 'OBI_ERR_KERNEL_MAP',
  poll: 'OBI_ERR_KERNEL_POLL',
  inspect: 'OBI_ERR_KERNEL_MAP',
};

/** Wraps an error of the native addon. @param doing what was tried, e.g. `cannot load http_recv_e`. */
export function kernelFailure(actor: string, doing: string, cause: KernelError): ObiError {
  const { stage, errno, code: symbol, verifierLog } = cause;
  return make(STAGE_CODE[stage] ?? 'OBI_ERR_KERNEL_LOAD', actor, `${doing}: ${cause.message}`, {
    cause,
    details: { stage, errno, errnoName: symbol, verifierLog },
  });
}

export const rights = (missing: readonly string[]) => make('OBI_ERR_RIGHTS', 'obi', `missing capabilities: ${missing.join(', ')}`, { details: { missing } });
export const cgroupUnusable = (path: string, why: string) => make('OBI_ERR_CGROUP', 'obi', `cgroup ${path}: ${why}`, { details: { path } });
export const overlap = (pids: readonly number[], cgroup: string) =>
  make('OBI_ERR_OVERLAP', 'obi', `another obi runs (pid ${pids.join(', ')}) and watches what cgroup ${cgroup} holds`, { details: { pids, cgroup } });
export const healthPort = (address: string, cause: unknown) =>
  make('OBI_ERR_HEALTH_PORT', 'health', `cannot listen on ${address}: ${text(cause)}`, { cause, details: { address } });
export const explainId = (text: string, why: string) =>
  make('OBI_ERR_EXPLAIN_ID', 'explain', `"${text.length > 80 ? `${text.slice(0, 80)}…` : text}" ${why}`, { details: { id: text } });
/** @param stores one text per obi that was asked: its pid, and what it has. */
export const explainUnknown = (kind: string, id: string, stores: readonly string[]) =>
  make('OBI_ERR_EXPLAIN_UNKNOWN', 'explain', `${kind} ${id} is in no record of ${stores.join(', ')}`, { details: { kind, id, stores } });
export const explainUnreachable = (directory: string, why: string, cause?: unknown) =>
  make('OBI_ERR_EXPLAIN_UNREACHABLE', 'explain', `${directory}: ${why}`, { ...(cause === undefined ? {} : { cause }), details: { directory } });
export const noProbes = (reasons: readonly string[]) =>
  make('OBI_ERR_NO_PROBES', 'obi', `no probe can run${reasons.map((r) => `\n  ${r}`).join('')}`, { details: { reasons } });
