// SPDX-License-Identifier: Apache-2.0
// Shared by the tests that talk to the kernel: compiles their BPF objects into a temporary folder, reads what is loaded, runs children.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const folder = mkdtempSync(join(tmpdir(), 'obi-native-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const here = __dirname;
const arm = process.arch === 'arm64';

/** Number of getpriority: a system call that nothing else makes by the way. */
export const SYS_GETPRIORITY = arm ? 141 : 140;

/** Makes `times` calls of getpriority. */
export function getpriority(times: number): void {
  for (let call = 0; call < times; call++) getPriority();
}

/** @returns path of the object made from test/bpf/<name>.bpf.c. */
export function compile(name: string): string {
  const output = join(folder, `${name}.bpf.o`);
  if (existsSync(output)) return output;
  const multiarch = `/usr/include/${arm ? 'aarch64' : 'x86_64'}-linux-gnu`;
  const flags = ['-O2', '-g', '-Wall', '-Werror', '-target', 'bpf', `-D__TARGET_ARCH_${arm ? 'arm64' : 'x86'}`, '-mcpu=v3', `-I${multiarch}`];
  execFileSync('clang', [...flags, '-c', join(here, 'bpf', `${name}.bpf.c`), '-o', output], { stdio: 'pipe' });
  return output;
}

export const image = (name: string): Uint8Array => readFileSync(compile(name));

export const u32 = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);
export const u64 = (value: number | bigint): Uint8Array => new Uint8Array(new BigUint64Array([BigInt(value)]).buffer);
export const readU64 = (bytes: Uint8Array | undefined): number | undefined => bytes && Number(Buffer.from(bytes).readBigUInt64LE());

/** Ids of the programs or maps that the kernel holds: all, or those of one name. */
export function kernelIds(what: 'prog' | 'map', name?: string): Set<number> {
  const listed = JSON.parse(execFileSync('bpftool', ['-j', what, 'show'], { encoding: 'utf8' })) as { id: number; name?: string }[];
  return new Set(listed.filter((entry) => name === undefined || entry.name === name).map((entry) => entry.id));
}

/** Polls: the kernel frees programs and maps a grace period after the last reference went. */
export async function eventually(what: string, condition: () => boolean, timeoutMs = 10_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export interface Child<T> {
  readonly process: ChildProcess;
  /** Its first line. */
  readonly first: T;
  /** Writes a line, reads a line. */
  ask<R>(line: string): Promise<R>;
}

/** Starts test/children/<script>, which speaks JSON lines, and waits for its first line. */
export async function child<T>(script: string, args: readonly string[] = []): Promise<Child<T>> {
  const started = spawn(process.execPath, [join(here, 'children', script), ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: started.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const line = await lines.next();
    if (line.done) throw new Error(`${script} ended: ${started.exitCode ?? started.signalCode}`);
    return JSON.parse(line.value as string);
  };
  return {
    process: started,
    first: (await next()) as T,
    ask: async (line) => {
      started.stdin.write(`${line}\n`);
      return await next();
    },
  };
}

/** Runs test/children/<script> to its end. */
export async function runChild(script: string, args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const started = spawn(process.execPath, [join(here, 'children', script), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  started.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  started.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => started.once('close', resolve));
  return { code, stdout, stderr };
}

export async function kill(process: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return;
  const gone = new Promise((resolve) => process.once('exit', resolve));
  process.kill(signal);
  await gone;
}
