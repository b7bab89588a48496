// SPDX-License-Identifier: Apache-2.0
// Test programs (bpf/tests of the SDK or of a probe): compiled for this machine, loaded, fed through their t_input map, run by BPF_PROG_TEST_RUN.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { LoadedObject, MapHandle } from '@obi/core';
import { createKernel } from '../../packages/native/src/index.js';

const repository = resolve(__dirname, '../..');
/** T_INPUT_BYTES of obi/test.bpf.h. */
const INPUT_BYTES = 8192;
const FIRST = Buffer.alloc(4);
/** Arguments of the raw tracepoint, which no test program looks at. The kernel refuses an empty buffer. */
const NO_ARGUMENTS = new Uint8Array(8);

export interface TestProgram extends Disposable {
  readonly object: LoadedObject;
  /** Runs `program` on what its maps hold. @returns its return value. */
  call(program: string): number;
  /** Puts `bytes` into t_input and runs `program`. @returns its return value. */
  run(program: string, bytes: Uint8Array, option?: number): number;
  /** The one value of an array map. */
  value(map: string): Buffer;
  map(name: string): MapHandle;
}

/** @param project folder, from the repository's root @param name `<name>.test.bpf.c` in its bpf/tests */
export function loadTestProgram(project: string, name: string, globals: Readonly<Record<string, Uint8Array>> = {}): TestProgram {
  const opened = createKernel().open(name, imageOf(project, `${name}.test.bpf.o`));
  for (const [variable, value] of Object.entries(globals)) opened.setGlobal(variable, value);
  return wrap(opened.load());
}

/** As this machine's processor wants it: compiled now, or taken from OBI_TEST_OBJECTS, where tests/tiers.mjs has compiled it for a slower machine. */
function imageOf(project: string, object: string): Buffer {
  const architecture = process.arch === 'arm64' ? 'arm64' : 'x86_64';
  const compiled = process.env.OBI_TEST_OBJECTS;
  if (compiled) return readFileSync(join(compiled, project, architecture, object));
  const output = mkdtempSync(join(tmpdir(), 'obi-bpf-test-'));
  try {
    execFileSync(process.execPath, [join(repository, 'bpf/build.mjs'), join(repository, project), '--arch', architecture, '--tests', output], {
      stdio: 'pipe',
      env: process.env,
    });
    return readFileSync(join(output, architecture, object));
  } finally {
    rmSync(output, { recursive: true, force: true });
  }
}

function wrap(object: LoadedObject): TestProgram {
  const maps = new Map<string, MapHandle>();
  const map = (name: string): MapHandle => {
    const known = maps.get(name) ?? object.map(name);
    maps.set(name, known);
    return known;
  };
  const input = Buffer.alloc(8 + INPUT_BYTES);
  const call = (program: string): number => object.testRun(program, { context: NO_ARGUMENTS }).returnValue;
  return {
    object,
    call,
    map,
    run(program, bytes, option = 0) {
      if (bytes.length > INPUT_BYTES) throw new Error(`test input of ${bytes.length} bytes; t_input holds ${INPUT_BYTES}`);
      input.writeUInt32LE(bytes.length, 0);
      input.writeUInt32LE(option, 4);
      input.set(bytes, 8);
      map('t_input').update(FIRST, input);
      return call(program);
    },
    value(name) {
      const value = map(name).lookup(FIRST);
      if (!value) throw new Error(`map ${name} has no element 0`);
      return Buffer.from(value);
    },
    [Symbol.dispose]() {
      object[Symbol.dispose]();
    },
  };
}
