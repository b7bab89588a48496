// SPDX-License-Identifier: Apache-2.0
// The tiers of tests: what each needs, how it is run, how its result is read.
import { globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { collectorBinary } from './harness/collector.mjs';
import { installedNodeVersions, installNodeVersions, NODE_VERSIONS } from './harness/node-versions.mjs';
import { buildMiddles } from './harness/parents-middles.mjs';
import { interpreters, makeVenvs } from './harness/python-venvs.mjs';
import { buildWorkloads, which } from './harness/services.mjs';
import { readJest } from './jest-result.mjs';
import { runLogged } from './run-logged.mjs';

/**
 * @typedef {{ passed: number, failed: number, skipped: number, failures?: string[], skippedNames?: string[], note?: string }} Result
 * @typedef {{ name: string, group?: string, what: string, run(filter?: string): Promise<Result> }} Tier
 */

const jest = path.join('node_modules', 'jest', 'bin', 'jest.js');
const cache = path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'obi');

/** @param {string} why @returns {Result} */
const cannotRun = (why) => ({ passed: 0, failed: 0, skipped: 1, note: `cannot run: ${why}` });
const notRoot = () => (process.getuid?.() === 0 ? undefined : 'needs root');

/** @param {string} config @param {string} output @param {string | undefined} filter */
const jestArguments = (config, output, filter) => [
  jest,
  '--config',
  config,
  '--json',
  '--outputFile',
  output,
  '--passWithNoTests',
  ...(filter ? ['--testNamePattern', filter] : []),
];

/** Runs jest on this machine. @param {string} name @param {string} config @param {string[]} extra @param {string} [filter] @returns {Promise<Result>} */
async function runJest(name, config, extra, filter) {
  const output = path.resolve('.cache', `test-${name}.json`);
  rmSync(output, { force: true });
  const run = await runLogged(name, [process.execPath, ...jestArguments(config, output, filter), ...extra]);
  return readJest(output, run);
}

/** @type {Promise<void> | undefined} */
let nodes;
/** The versions of Node.js that probe-node's tests are about; tried once in a run. Those that cannot be installed are skipped tests. */
const prepareNodes = () => {
  nodes ??= installNodes();
  return nodes;
};
async function installNodes() {
  if (installedNodeVersions().length === NODE_VERSIONS.length) return;
  console.log(`   installing Node.js ${NODE_VERSIONS.join(', ')} for the tests of probe-node, once`);
  for (const failure of await installNodeVersions()) console.log(`   ${failure}`);
}

/** What the live tests start and is built once, outside the tree. */
async function prepareLive() {
  await prepareNodes();
  for (const failure of (await makeVenvs(interpreters())).values()) console.log(`   ${failure}`);
  buildWorkloads();
  buildMiddles();
  if (nameCollector()) return;
  console.log('   building the OpenTelemetry Collector, once; 3 to 4 minutes');
  const { code, log } = await runLogged('collector', ['bash', 'tools/collector/build.sh']);
  if (code !== 0 || !nameCollector()) console.log(`   tests against the real Collector are skipped; why: ${log}`);
}

/** Tells tests that live in packages, which know nothing of the harness, where the Collector is. @returns {boolean} is there one? */
function nameCollector() {
  const collector = collectorBinary();
  if ('binary' in collector) process.env.OBI_TEST_COLLECTOR = collector.binary;
  return 'binary' in collector;
}

/** @param {string} filter not used: these are not jest's @returns {Promise<Result>} */
async function rust(filter) {
  const sources = 'packages/native/src-rs';
  const hasTests = readdirSync(sources).some((file) => file.endsWith('.rs') && readFileSync(path.join(sources, file), 'utf8').includes('#[test]'));
  if (!hasTests || filter) return cannotRun(filter ? 'a filter was given' : 'the addon has no Rust tests');
  if (!which('cargo')) return cannotRun('cargo is not installed');
  // --release: the addon's build has compiled libbpf for that profile already.
  const run = await runLogged('rust', ['cargo', 'test', '--release', '--lib', '--manifest-path', 'packages/native/Cargo.toml']);
  const match = run.output.match(/test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/);
  if (!match) return { passed: 0, failed: 1, skipped: 0, failures: [`cargo test did not run (${run.end}), see ${run.log}\n${run.tail}`] };
  const [passed, failed, skipped] = match.slice(1).map(Number);
  return { passed: passed ?? 0, failed: failed ?? 0, skipped: skipped ?? 0, failures: run.code === 0 ? [] : [run.tail] };
}

/** @param {string} filter not used: these are not jest's @returns {Promise<Result>} */
async function lint(filter) {
  if (filter) return cannotRun('a filter was given');
  /** @type {Result & { failures: string[] }} */
  const result = { passed: 0, failed: 0, skipped: 0, failures: [] };
  for (const [name, ...command] of [
    ['biome', 'biome', 'check', '--error-on-warnings', '.'],
    ['gen-check', 'nx', 'run-many', '-t', 'gen:check', '--outputStyle=static'],
  ]) {
    const run = await runLogged(`lint-${name}`, ['npx', ...command]);
    if (run.code === 0) result.passed++;
    else {
      result.failed++;
      result.failures.push(`${command.join(' ')} (${run.end}), see ${run.log}\n${run.tail}`);
    }
  }
  return result;
}

/** Loads every BPF object on this kernel; one test for each project that has some. @returns {Promise<Result>} */
async function verify() {
  const why = notRoot();
  if (why) return cannotRun(why);
  const list = await runLogged('verify-list', ['npx', 'nx', 'show', 'projects', '--with-target', 'verify', '--json']);
  const names = list.output.match(/^\[.*\]$/m)?.[0];
  if (list.code !== 0 || !names) throw new Error(`nx cannot list the projects to verify\n${list.tail}`);
  /** @type {Result & { failures: string[] }} */
  const result = { passed: 0, failed: 0, skipped: 0, failures: [] };
  /** @type {string[]} */ const cached = [];
  const fresh = process.env.CI ? ['--skipNxCache', '--excludeTaskDependencies'] : [];
  for (const project of JSON.parse(names)) {
    const run = await runLogged(`verify-${project.replace(/\W+/g, '-')}`, ['npx', 'nx', 'run', `${project}:verify`, '--outputStyle=static', ...fresh]);
    if (run.code === 0) {
      result.passed++;
      if (fromCache(run.output, `${project}:verify`)) cached.push(project);
    } else {
      result.failed++;
      result.failures.push(`verify ${project} (${run.end}), see ${run.log}\n${run.tail}`);
    }
  }
  if (cached.length > 0) result.note = `not run again, from Nx’s cache (objects, kernel and tools are the same): ${cached.join(', ')}; CI=true runs them`;
  return result.passed + result.failed > 0 ? result : cannotRun('no project has BPF objects');
}

/** Did Nx only repeat what an earlier run of this task wrote? @param {string} output of nx @param {string} task */
function fromCache(output, task) {
  const heading = output.split('\n').find((line) => line.includes(`nx run ${task}`)) ?? '';
  return /\[(local cache|remote cache|existing outputs match)/.test(heading);
}

/**
 * What depends on the kernel, in the time that an emulated processor takes: the parsers, the loading of every object, the chain of services, what is
 * loaded, and one middle of each kind for the parents. OBI_VM_FULL=1 runs all native and live tests there, which takes hours.
 */
const IN_VM = {
  native: ['bpf/tests', 'tests/verify'],
  live: ['tests/live/chain', 'tests/live/plugins', 'tests/live/parents', 'tests/live/node-parents', 'tests/live/python-parents', 'tests/live/go-parents'],
};
/** Writing into processes, which a locked-down kernel forbids: one kind on each, for time. */
const writingIn = (/** @type {string} */ kernel) => (kernel === '6.1' ? 'tests/live/go-writes' : 'tests/live/go-auto-sdk');
/** @param {'native' | 'live'} suite @param {string} kernel */
function vmTests(suite, kernel) {
  if (process.env.OBI_VM_FULL) return [];
  return suite === 'live' ? [...IN_VM.live, writingIn(kernel)] : IN_VM.native;
}

/** BPF test programs, compiled here: an emulated processor takes half a minute for each test file. @param {string} output folder @returns {Promise<string | undefined>} what went wrong */
async function compileTestPrograms(output) {
  for (const sources of globSync('{bpf,packages/*/bpf}/tests')) {
    const project = sources.replace(/(\/bpf)?\/tests$/, '');
    const run = await runLogged(`vm-objects-${project.replaceAll('/', '-')}`, [
      process.execPath,
      'bpf/build.mjs',
      project,
      '--arch',
      process.arch === 'arm64' ? 'arm64' : 'x86_64',
      '--tests',
      path.join(output, project),
    ]);
    if (run.code !== 0) return `the BPF test programs of ${project} do not compile (${run.end}), see ${run.log}\n${run.tail}`;
  }
  return undefined;
}

/** Seconds that tools/vm/run.sh may take before its own limit counts: it installs a kernel and builds what is in the machine, once. */
const VM_SETUP = 1800;

/** The native and live tests, inside a virtual machine with another kernel. @param {string} kernel @param {string} [filter] @returns {Promise<Result>} */
async function vm(kernel, filter) {
  const why = notRoot();
  if (why) return cannotRun(why);
  await prepareLive();
  mkdirSync(cache, { recursive: true });
  const dir = mkdtempSync(path.join(cache, 'vm-test.'));
  try {
    const suites = /** @type {const} */ (['native', 'live']);
    const quote = (/** @type {string} */ word) => `'${word.replaceAll("'", "'\\''")}'`;
    const script = suites
      .map((suite) =>
        ['node', ...jestArguments(`tests/jest.${suite}.config.cjs`, path.join(dir, `${suite}.json`), filter), '--runInBand', ...vmTests(suite, kernel)]
          .map(quote)
          .join(' '),
      )
      .join('; ');
    const objects = path.join(dir, 'objects');
    const fault = await compileTestPrograms(objects);
    if (fault) return { passed: 0, failed: 1, skipped: 0, failures: [fault] };
    const limit = process.env.OBI_VM_LIMIT ?? '1800';
    const command = ['bash', 'tools/vm/run.sh', kernel, '--limit', limit, '--', 'sh', '-c', script];
    const run = await runLogged(`vm-${kernel}`, command, { OBI_VM_DIR: dir, OBI_TEST_OBJECTS: objects }, Number(limit) + VM_SETUP);
    if (run.code === 3) return cannotRun(run.tail.trim().split('\n').pop() ?? 'unknown');
    /** @type {Required<Pick<Result, 'passed' | 'failed' | 'skipped' | 'failures' | 'skippedNames'>>} */
    const sum = { passed: 0, failed: 0, skipped: 0, failures: [], skippedNames: [] };
    for (const suite of suites) {
      const one = readJest(path.join(dir, `${suite}.json`), { ...run, code: 0 });
      sum.passed += one.passed;
      sum.failed += one.failed;
      sum.skipped += one.skipped;
      sum.failures.push(...(one.failures ?? []));
      sum.skippedNames.push(...(one.skippedNames ?? []));
    }
    return sum;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** @type {Tier[]} */
export const tiers = [
  { name: 'lint', what: 'format and rules of style; generated readers and manifests are those of the objects', run: (filter) => lint(filter ?? '') },
  {
    name: 'unit',
    what: 'TypeScript, needs no rights',
    run: async (filter) => {
      await prepareNodes();
      return runJest('unit', 'jest.config.cjs', [], filter);
    },
  },
  { name: 'rust', group: 'unit', what: 'the native addon’s own Rust tests', run: (filter) => rust(filter ?? '') },
  { name: 'verify', group: 'bpf', what: 'every BPF object loads on this kernel', run: verify },
  {
    name: 'native',
    group: 'bpf',
    what: 'BPF unit tests and the addon on this kernel',
    run: async (filter) => {
      const why = notRoot();
      return why ? cannotRun(why) : runJest('native', 'tests/jest.native.config.cjs', ['--runInBand'], filter);
    },
  },
  {
    name: 'live',
    what: 'real services, connections and Collector on this kernel',
    run: async (filter) => {
      const why = notRoot();
      if (why) return cannotRun(why);
      await prepareLive();
      return runJest('live', 'tests/jest.live.config.cjs', ['--runInBand'], filter);
    },
  },
  { name: 'vm-6.1', group: 'vm', what: 'BPF unit tests, loading, and the chain of services on Debian’s Linux 6.1 in QEMU', run: (filter) => vm('6.1', filter) },
  { name: 'vm-6.12', group: 'vm', what: 'the same on Debian’s Linux 6.12 in QEMU', run: (filter) => vm('6.12', filter) },
];
