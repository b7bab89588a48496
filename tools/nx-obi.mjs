// SPDX-License-Identifier: Apache-2.0
// The repository's Nx plugin: what can be built, generated and tested follows from the files of a project, so that a new package needs no Nx configuration.
// A script of that name in package.json comes first. dependsOn, inputs and outputs of `build` and `test` are in nx.json (targetDefaults).
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const SDK = 'bpf';
const KIT = '@obi/probe-kit';
const ARCHITECTURES = ['x86_64', 'arm64'];
/** The tests of the repository as a whole: a project without a package. */
const TESTS = 'tests';

export const createNodesV2 = [
  `{${SDK}/build.mjs,packages/*/package.json,examples/*/package.json,${TESTS}/run.mjs}`,
  (files, _options, { workspaceRoot }) => {
    const roots = files.map((file) => dirname(file));
    const names = roots.filter((root) => root !== TESTS).map((root) => nameOf(root, manifestOf(root, workspaceRoot)));
    // What runs obi needs all that is installed with it.
    const everything = [{ projects: [...new Set(names)], target: 'build' }];
    return files.map((file) => [file, dirname(file) === TESTS ? testsProject(everything) : projectOf(dirname(file), workspaceRoot, everything)]);
  },
];

function manifestOf(root, workspace) {
  const file = join(workspace, root, 'package.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
}

const nameOf = (root, manifest) => manifest.name ?? `@obi/${basename(root)}`;

/** Inputs are in nx.json, by target. --strict: a tier that cannot run here is no result that may be kept. */
function testsProject(everything) {
  const tier = (names) => ({ command: `node ${TESTS}/run.mjs --strict --tier ${names}`, dependsOn: everything });
  const targets = {
    test: { command: 'jest --selectProjects tests', dependsOn: [] },
    'test:native': tier('native'),
    'test:live': tier('live'),
    'test:vm': tier('vm'),
  };
  return { projects: { [TESTS]: { root: TESTS, name: '@obi/tests', targets } } };
}

function projectOf(root, workspace, everything) {
  const manifest = manifestOf(root, workspace);
  const inferred = { ...bpfTargets(root, workspace, manifest), ...typescriptTargets(join(workspace, root), root, everything) };
  const targets = Object.fromEntries(Object.entries(inferred).filter(([name]) => manifest.scripts?.[name] === undefined));
  return { projects: { [root]: { root, name: nameOf(root, manifest), targets } } };
}

/** build:bpf, gen, gen:check and verify, where there are programs. */
function bpfTargets(root, workspace, manifest) {
  const isSdk = root === SDK;
  const sources = join(workspace, root, isSdk ? 'core' : 'bpf');
  const ids = (existsSync(sources) ? readdirSync(sources) : [])
    .filter((name) => name.endsWith('.bpf.c'))
    .map((name) => basename(name, '.bpf.c'))
    .sort();
  if (ids.length === 0) return {};

  const objects = join(root, isSdk ? 'dist' : 'bpf/dist');
  // Core reads the SDK's events. One of its objects exports them; obi-gen writes no readers for the others.
  const readersOf = (id) => (isSdk ? 'packages/core/src/generated/core.events.ts' : `${root}/src/generated/${id}.events.ts`);
  const manifestFile = (id) => (manifest.obi?.manifest ? join(root, manifest.obi.manifest) : `${objects}/${id}.manifest.json`);
  const document = join(workspace, root, 'DEV.md');
  const diagram = existsSync(document) && readFileSync(document, 'utf8').includes('<!-- obi-gen:diagram -->') ? ` --mermaid ${root}/DEV.md` : '';
  // A probe has one object with a manifest; what its code loads by itself beside that is only built.
  const described = manifest.obi?.id ? ids.filter((id) => id === manifest.obi.id) : ids;
  const commands = described.map((id) => {
    const built = ARCHITECTURES.map((arch) => `--object ${arch}=${objects}/${arch}/${id}.bpf.o`).join(' ');
    return `node packages/probe-kit/bin/obi-gen.mjs --id ${id} ${built} --readers ${readersOf(id)} --manifest ${manifestFile(id)}${diagram}`;
  });
  // A probe may include headers of one that it depends on.
  const inputs = isSdk ? ['bpf', '{projectRoot}/core/**'] : ['bpf', '^bpfHeaders'];
  const dependsOn = ['build:bpf', { projects: [KIT], target: 'build' }];

  const targets = {
    'build:bpf': { command: `node ${SDK}/build.mjs ${root}`, cache: true, inputs, outputs: ARCHITECTURES.map((arch) => `{workspaceRoot}/${objects}/${arch}`) },
    [isSdk ? 'gen:core' : 'gen']: {
      executor: 'nx:run-commands',
      options: { commands, parallel: false },
      cache: true,
      dependsOn,
      inputs: [
        ...inputs,
        '{projectRoot}/DEV.md',
        '{projectRoot}/package.json',
        '{workspaceRoot}/packages/probe-kit/src/**',
        ...described.map((id) => `{workspaceRoot}/${readersOf(id)}`),
      ],
      outputs: [
        ...described.flatMap((id) => [`{workspaceRoot}/${readersOf(id)}`, `{workspaceRoot}/${manifestFile(id)}`]),
        ...(diagram ? ['{projectRoot}/DEV.md'] : []),
      ],
    },
    'gen:check': {
      executor: 'nx:run-commands',
      options: { commands: commands.map((command) => `${command} --check`), parallel: false },
      cache: false,
      dependsOn,
    },
  };
  // Loading objects needs root and says something about one kernel only.
  if (existsSync(join(workspace, SDK, 'verify.mjs')))
    targets.verify = {
      command: `node ${SDK}/verify.mjs ${root}`,
      cache: true,
      dependsOn: [
        'build:bpf',
        ...(isSdk ? [] : [{ projects: ['@obi/bpf'], target: 'build:bpf' }]),
        { projects: ['@obi/core', '@obi/native'], target: 'build' },
      ],
      inputs: [
        ...inputs,
        `{workspaceRoot}/${SDK}/core/**`,
        `{workspaceRoot}/${SDK}/verify.mjs`,
        `{workspaceRoot}/${SDK}/verify-record.json`,
        '{workspaceRoot}/packages/core/src/**',
        '{workspaceRoot}/packages/native/{src,src-rs,shim}/**',
        'machine',
      ],
    };
  // The SDK's build is its objects. Its readers (gen:core) are no part of it: obi-gen needs core, and core may depend on the SDK.
  if (isSdk) targets.build = { executor: 'nx:noop' };
  return targets;
}

function typescriptTargets(directory, root, everything) {
  const targets = {};
  if (existsSync(join(directory, 'tsconfig.json'))) targets.build = { command: `tsc -b ${root}` };
  if (existsSync(join(directory, 'jest.config.cjs'))) targets.test = { command: 'jest', options: { cwd: root } };
  if (targets.test && hasLiveTests(directory))
    targets['test:live'] = { command: `jest --config ${TESTS}/jest.live.config.cjs --runInBand ${root}/`, dependsOn: everything };
  return targets;
}

function hasLiveTests(directory) {
  return ['test', 'src']
    .map((folder) => join(directory, folder))
    .some((folder) => existsSync(folder) && readdirSync(folder, { recursive: true }).some((name) => name.endsWith('.live.test.ts')));
}
