// SPDX-License-Identifier: Apache-2.0
/** Compiles fixtures for the tests that need a real object. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const FIXTURES = join(__dirname, '..', 'fixtures');
const FLAGS = ['-O2', '-g', '-target', 'bpf', '-mcpu=v3', '-D__TARGET_ARCH_x86', '-Wall', '-Werror', '-Wno-unused-variable', '-I', FIXTURES];

/** `describe` where `tool` is installed; elsewhere one skipped test that says what is missing (the body does not run: it may compile). */
export function describeWith(tool: string): (name: string, body: () => void) => void {
  if (spawnSync(tool, ['--version']).error === undefined) return describe;
  return (name) =>
    test.skip(`${name} [skipped: ${tool} is not installed]`, () => {
      throw new Error(`${tool} is not installed`);
    });
}

/** A temporary folder with objects; dispose of it in afterAll. */
export class Workshop {
  readonly directory = mkdtempSync(join(tmpdir(), 'obi-kit-'));

  /** @returns the path of the object, in a folder named by the architecture. */
  compile(source: string, object = 'x86_64.bpf.o'): string {
    const output = join(this.directory, object);
    execFileSync('clang', [...FLAGS, '-c', source, '-o', output], { stdio: ['ignore', 'ignore', 'pipe'] });
    return output;
  }
  fixture(name: string): string {
    return this.compile(join(FIXTURES, name), `${name.replace('.bpf.c', '')}.bpf.o`);
  }
  /** Compiles `body` after the fixtures' SDK. */
  snippet(body: string): Uint8Array {
    const source = join(this.directory, 'snippet.bpf.c');
    writeFileSync(source, `#include "sdk.h"\nconst volatile u32 obi_abi = 2;\n${body}\n`);
    return readFileSync(this.compile(source, 'snippet.bpf.o'));
  }
  dispose(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
