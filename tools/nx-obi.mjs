// SPDX-License-Identifier: Apache-2.0
// The repository's Nx plugin: what can be built, generated and tested follows from the files of a project, so that a new package needs no Nx configuration.
// A script of that name in package.json comes first. dependsOn, inputs and outputs of `build` and `test` are in nx.json (targetDefaults).
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const SDK = 'bpf';
const KIT = '@obi/probe-kit';
const ARCHITECTURES = ['x86_64', 'arm64'];
const LIVE = 'jest --runInBand --testMatch "<rootDir>/{src,test}/**/*.live.test.ts" --testPathIgnorePatterns /node_modules/ /dist/';

export const createNodesV2 = [
  `{${SDK}/build.mjs,packages/*/package.json,examples/*/package.json}`,
  (files, _options, { workspaceRoot }) => files.map((file) => [file, projectOf(dirname(file), workspaceRoot)]),
];

function projectOf(root, workspace) {
  const packageJson = join(workspace, root, 'package.json');
  const manifest = existsSync(packageJson) ? JSON.parse(readFileSync(packageJson, 'utf8')) : {};
  const inferred = { ...bpfTargets(root, workspace, manifest), ...typescriptTargets(join(workspace, root), root) };
  const targets = Object.fromEntries(Object.entries(inferred).filter(([name]) => manifest.scripts?.[name] === undefined));
  return { projects: { [root]: { root, name: manifest.name ?? `@obi/${basename(root)}`, targets } } };
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
  const manifestOf = (id) => (manifest.obi?.manifest ? join(root, manifest.obi.manifest) : `${objects}/${id}.manifest.json`);
  const document = join(workspace, root, 'DEV.md');
  const diagram = existsSync(document) && readFileSync(document, 'utf8').includes('<!-- obi-gen:diagram -->') ? ` --mermaid ${root}/DEV.md` : '';
  const commands = ids.map((id) => {
    const built = ARCHITECTURES.map((arch) => `--object ${arch}=${objects}/${arch}/${id}.bpf.o`).join(' ');
    return `node packages/probe-kit/bin/obi-gen.mjs --id ${id} ${built} --readers ${readersOf(id)} --manifest ${manifestOf(id)}${diagram}`;
  });
  const inputs = isSdk ? ['bpf', '{projectRoot}/core/**'] : ['bpf'];
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
        ...ids.map((id) => `{workspaceRoot}/${readersOf(id)}`),
      ],
      outputs: [
        ...ids.flatMap((id) => [`{workspaceRoot}/${readersOf(id)}`, `{workspaceRoot}/${manifestOf(id)}`]),
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
        { runtime: 'uname -r' },
      ],
    };
  // The SDK's build is its objects. Its readers (gen:core) are no part of it: obi-gen needs core, and core may depend on the SDK.
  if (isSdk) targets.build = { executor: 'nx:noop' };
  return targets;
}

function typescriptTargets(directory, root) {
  const targets = {};
  if (existsSync(join(directory, 'tsconfig.json'))) targets.build = { command: `tsc -b ${root}` };
  if (existsSync(join(directory, 'jest.config.cjs'))) targets.test = { command: 'jest', options: { cwd: root } };
  if (targets.test && hasLiveTests(directory)) targets['test:live'] = { command: LIVE, options: { cwd: root } };
  return targets;
}

function hasLiveTests(directory) {
  return ['test', 'src']
    .map((folder) => join(directory, folder))
    .some((folder) => existsSync(folder) && readdirSync(folder, { recursive: true }).some((name) => name.endsWith('.live.test.ts')));
}
