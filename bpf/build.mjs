#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The only clang command line in the repository: compiles every `<dir>/*.bpf.c` of a project for each architecture.
// usage: node bpf/build.mjs <project directory> [--arch x86_64|arm64]   → <project>/bpf/dist/<arch>/<name>.bpf.o
//        node bpf/build.mjs <project directory> --arch … --tests <output folder>   the test programs, *.test.bpf.c, instead
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const sdk = dirname(fileURLToPath(import.meta.url));
const ARCHITECTURES = { x86_64: 'x86', arm64: 'arm64' };

const usage = 'usage: node bpf/build.mjs <project directory> [--arch x86_64|arm64] [--tests <output folder>]';
/** @returns {{ only: string | undefined, tests: string | undefined, project: string }} */
function readArguments() {
  try {
    const { values, positionals } = parseArgs({ allowPositionals: true, options: { arch: { type: 'string' }, tests: { type: 'string' } } });
    if (positionals.length !== 1) throw new Error(`one project directory is needed, ${positionals.length} are given`);
    if (values.arch !== undefined && !Object.hasOwn(ARCHITECTURES, values.arch))
      throw new Error(`--arch ${values.arch} is none of ${Object.keys(ARCHITECTURES).join(', ')}`);
    return { only: values.arch, tests: values.tests, project: resolve(positionals[0]) };
  } catch (error) {
    console.error(`bpf build: ${error instanceof Error ? error.message : error}\n${usage}`);
    process.exit(2);
  }
}
const { only, tests, project } = readArguments();

/** Where npm has put what the project depends on, so that a header of another probe is <@scope/name/bpf/name.h>. */
const dependencies = ancestors(project)
  .map((folder) => join(folder, 'node_modules'))
  .filter((folder) => existsSync(folder));
/** @param {string} folder @returns {string[]} it and those around it, nearest first */
function ancestors(folder) {
  const above = dirname(folder);
  return above === folder ? [folder] : [folder, ...ancestors(above)];
}

// A probe keeps its programs in bpf/, the SDK itself in core/; test programs lie in bpf/tests, in both.
const programs = project === sdk ? join(sdk, 'core') : join(project, 'bpf');
const sources = tests === undefined ? programs : join(project === sdk ? sdk : programs, 'tests');
const output = tests ?? (project === sdk ? join(sdk, 'dist') : join(project, 'bpf', 'dist'));
const names = (existsSync(sources) ? readdirSync(sources) : []).filter((name) => name.endsWith('.bpf.c')).sort();
if (names.length === 0) {
  console.error(`bpf build: no *.bpf.c in ${sources}`);
  process.exit(1);
}

for (const [arch, target] of Object.entries(ARCHITECTURES)) {
  if (only && only !== arch) continue;
  if (!existsSync(join(sdk, 'include', 'vmlinux', arch, 'vmlinux.h'))) {
    console.error(`bpf build: include/vmlinux/${arch}/vmlinux.h is missing; make it with tools/vmlinux`);
    process.exit(1);
  }
  const directory = join(output, arch);
  mkdirSync(directory, { recursive: true });
  // Objects of sources that are gone go; the others are replaced at once, so that whoever reads meanwhile finds the old or the new one.
  for (const name of readdirSync(directory)) if (name.endsWith('.o') && !names.includes(name.replace(/\.o$/, '.c'))) rmSync(join(directory, name));
  for (const name of names) {
    const object = join(directory, name.replace(/\.c$/, '.o'));
    const fresh = `${object}.${process.pid}`;
    try {
      execFileSync(
        'clang',
        [
          '-O2',
          '-g',
          '-target',
          'bpf',
          '-mcpu=v3',
          `-D__TARGET_ARCH_${target}`,
          '-Wall',
          '-Werror',
          '-Wno-unused-function',
          '-Wno-address-of-packed-member',
          '-I',
          join(sdk, 'include'),
          '-I',
          join(sdk, 'include', 'vmlinux', arch),
          '-I',
          programs,
          ...dependencies.flatMap((folder) => ['-I', folder]),
          '-c',
          join(sources, name),
          '-o',
          fresh,
        ],
        { stdio: ['ignore', 'inherit', 'inherit'] },
      );
      // Debug sections go, BTF stays: a third of the size, and nothing of the builder's paths.
      execFileSync('llvm-strip', ['-g', fresh], { stdio: 'inherit' });
      renameSync(fresh, object);
    } catch (error) {
      rmSync(fresh, { force: true });
      console.error(
        error.code === 'ENOENT' ? `bpf build: ${error.path} is not installed (Debian: apt install clang llvm)` : `bpf build: ${name} for ${arch} failed`,
      );
      process.exit(1);
    }
  }
}
