// SPDX-License-Identifier: Apache-2.0
/** What discovery hands out. */
import type { ErrorCode } from '../error-codes.js';
import type { KernelFeatures } from '../kernel/kernel.js';
import type { Logger } from '../logging/logger.js';
import type { Architecture, PackageEntry, ProbeManifest, ProgramType } from '../probe/manifest.js';
import type { Probe } from '../probe/probe.js';

/** A package that calls itself a probe (keyword), or that was named by path; nothing of it is checked yet. */
export interface InstalledPackage {
  /** The `id` of its entry as written there, the package name when there is none. */
  readonly id: string;
  readonly packageName: string;
  readonly packageVersion: string;
  /** Real path, symbolic links resolved. */
  readonly directory: string;
  /** Parsed package.json. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** Why one probe stays off. The others run. */
export interface Refusal {
  /** Its id, or its package name when the id is not known. */
  readonly probe: string;
  readonly package: string;
  readonly code: ErrorCode;
  readonly reason: string;
  readonly remedy: string;
}

/** A program that this kernel, or these rights, cannot run; the probe goes on without it. */
export interface UnavailableProgram {
  readonly program: string;
  readonly code: 'OBI_ERR_PROBE_KERNEL_FEATURES' | 'OBI_ERR_PROBE_CAPABILITIES';
  readonly reason: string;
}

export interface DiscoveredProbe {
  readonly entry: PackageEntry;
  readonly manifest: ProbeManifest;
  readonly packageName: string;
  readonly packageVersion: string;
  readonly directory: string;
  /** The BPF object for this architecture; its digest was checked. */
  readonly object: Uint8Array;
  readonly definition: Probe;
  /** Programs not to be loaded here. */
  readonly unavailable: readonly UnavailableProgram[];
}

/** A probe that resolves another copy of @obi/core than the host: works (tokens and brands agree by value), but wastes memory and may drift. */
export interface SecondCore {
  readonly package: string;
  readonly directory: string;
  readonly version: string;
}

export interface Discovery {
  readonly probes: readonly DiscoveredProbe[];
  readonly refusals: readonly Refusal[];
  /** Everything that was found, selected or not. */
  readonly installed: readonly InstalledPackage[];
  readonly secondCores: readonly SecondCore[];
}

export interface DescribeOptions {
  /** Packages whose dependencies are searched: that of the command line tool, and more where wanted. Earlier ones win. */
  readonly hostDirectory: string | readonly string[];
  /** Short names, package names or paths; empty or absent = all installed. */
  readonly plugins?: readonly string[];
  readonly features: KernelFeatures;
  readonly architecture: Architecture;
  /** What relative paths in `plugins` are relative to; default: the working directory. */
  readonly workingDirectory?: string;
}
export interface DiscoverOptions extends DescribeOptions {
  readonly log: Logger;
  /** How a module is imported, by file URL; replaced in tests. */
  readonly importModule?: (url: string) => Promise<unknown>;
}

/** One line of `obi probes`; no code of the package ran. */
export interface ProbeDescription {
  readonly id: string;
  readonly packageName: string;
  readonly packageVersion: string;
  readonly directory: string;
  readonly kind?: PackageEntry['kind'];
  readonly needs?: {
    readonly api: number;
    readonly abi: number;
    readonly architectures: readonly string[];
    readonly programTypes: readonly ProgramType[];
    readonly capabilities: readonly string[];
  };
  readonly events: readonly string[];
  readonly runnable: boolean;
  readonly refusal?: Refusal;
  readonly unavailable: readonly UnavailableProgram[];
}
