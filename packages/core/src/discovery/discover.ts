// SPDX-License-Identifier: Apache-2.0
/** Finds, checks and imports the probes of one run. One probe's failure is that probe's alone. */
import { join } from 'node:path';
import { isObiError, probeDuplicateId, probeImport } from '../errors.js';
import type { Logger } from '../logging/logger.js';
import { checkEntry, checkManifest, checkStatic, type StaticPart } from './check-static.js';
import { findInstalled, findPackage } from './find-packages.js';
import { importProbe } from './import-probe.js';
import { neededCapabilities } from './obstacles.js';
import { selectPackages } from './select.js';
import type { DescribeOptions, DiscoveredProbe, DiscoverOptions, Discovery, InstalledPackage, ProbeDescription, Refusal, SecondCore } from './types.js';

/**
 * Refusals and programs that cannot run are returned, and logged here, once each; refusals only when a probe is left: without one, the error that ends the run says them.
 * @throws ObiError only for what the user asked wrongly: OBI_ERR_PLUGIN_UNKNOWN, OBI_ERR_PLUGIN_PATH.
 */
export async function discoverProbes(options: DiscoverOptions): Promise<Discovery> {
  const { log, importModule = (url) => import(url) } = options;
  const { installed, selected, hosts } = find(options);
  const probes: DiscoveredProbe[] = [];
  const refusals: Refusal[] = [];
  for (const { candidate, outcome } of checkAll(selected, options)) {
    try {
      if (!('entry' in outcome)) throw outcome.error;
      log.debug(`importing ${candidate.packageName}`, { directory: candidate.directory }); // the last line, where its code never returns
      const definition = await importProbe(candidate, outcome, importModule);
      const { packageName, packageVersion, directory } = candidate;
      probes.push({ ...outcome, packageName, packageVersion, directory, definition });
    } catch (error) {
      refusals.push(refusal(candidate, error));
    }
  }
  const secondCores = findSecondCores(hosts, selected);
  report(log, probes, refusals, secondCores);
  return { probes, refusals, installed, secondCores };
}

/** What is installed (or selected by `plugins`), what each needs, and whether it can run here. Runs no code of any package. */
export function describeProbes(options: DescribeOptions): ProbeDescription[] {
  return checkAll(find(options).selected, options).map(({ candidate, outcome }) => {
    const { id, packageName, packageVersion, directory } = candidate;
    const base = { id, packageName, packageVersion, directory };
    const known = 'entry' in outcome ? outcome : describable(candidate);
    return {
      ...base,
      ...(known === undefined
        ? { events: [] }
        : {
            kind: known.entry.kind,
            needs: {
              api: known.entry.api,
              abi: known.manifest.abi,
              architectures: Object.keys(known.manifest.objects),
              programTypes: [...new Set(known.manifest.programs.map((p) => p.type))].sort(),
              capabilities: neededCapabilities(known.manifest.programs),
            },
            events: known.manifest.events.map((e) => e.struct),
          }),
      runnable: 'entry' in outcome,
      ...('entry' in outcome ? {} : { refusal: refusal(candidate, outcome.error) }),
      unavailable: 'entry' in outcome ? outcome.unavailable : [],
    };
  });
}

function find({ hostDirectory, plugins = [], workingDirectory = process.cwd() }: DescribeOptions) {
  const hosts = typeof hostDirectory === 'string' ? [hostDirectory] : hostDirectory;
  const installed = findInstalled(hosts);
  return { hosts, installed, selected: selectPackages(installed, plugins, workingDirectory) };
}

interface Checked {
  readonly candidate: InstalledPackage;
  readonly outcome: StaticPart | { readonly error: unknown };
}

/** The static checks of each, and after them that no id comes twice: the first that asked for it has it, whether it can run or not. */
function checkAll(selected: readonly InstalledPackage[], { features, architecture }: DescribeOptions): Checked[] {
  const owners = new Map<string, string>();
  return selected.map((candidate) => {
    const { id, packageName } = candidate;
    const owner = owners.get(id);
    if (owner !== undefined) return { candidate, outcome: { error: probeDuplicateId(id, owner, packageName) } };
    owners.set(id, packageName);
    try {
      return { candidate, outcome: checkStatic(candidate, features, architecture) };
    } catch (error) {
      return { candidate, outcome: { error } };
    }
  });
}

/** What can be said of a probe that was refused: its entry and manifest, when at least these are sound. */
function describable(candidate: InstalledPackage): Pick<StaticPart, 'entry' | 'manifest'> | undefined {
  try {
    const entry = checkEntry(candidate);
    return { entry, manifest: checkManifest(entry.id, join(candidate.directory, entry.manifest)) };
  } catch {
    return undefined;
  }
}

function refusal({ id, packageName }: InstalledPackage, cause: unknown): Refusal {
  const { code, reason, remedy } = isObiError(cause) ? cause : probeImport(id, cause);
  return { probe: id, package: packageName, code, reason, remedy };
}

function findSecondCores(hosts: readonly string[], selected: readonly InstalledPackage[]): SecondCore[] {
  const [host] = hosts;
  const own = host === undefined ? undefined : findPackage('@obi/core', host);
  if (own === undefined) return [];
  return selected.flatMap(({ packageName, directory }) => {
    const theirs = findPackage('@obi/core', directory);
    if (theirs === undefined || theirs.directory === own.directory) return [];
    return [{ package: packageName, directory: theirs.directory, version: theirs.packageVersion }];
  });
}

function report(log: Logger, probes: readonly DiscoveredProbe[], refusals: readonly Refusal[], secondCores: readonly SecondCore[]): void {
  for (const { probe, package: name, code, reason, remedy } of probes.length > 0 ? refusals : [])
    log.warn(`probe ${probe}: ${reason}; ${remedy}`, { code, package: name });
  for (const { entry, unavailable } of probes) {
    for (const { program, code, reason } of unavailable) log.info(`probe ${entry.id}: goes on without ${program}: ${reason}`, { code });
  }
  for (const second of secondCores) {
    log.warn(`package ${second.package}: brings a second copy of @obi/core ${second.version}, in ${second.directory}; make it a peer dependency`);
  }
}
