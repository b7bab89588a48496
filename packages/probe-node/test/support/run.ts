// SPDX-License-Identifier: Apache-2.0
/** Runs programs on the Node.js versions that are installed, without obi. */
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type InjectionOptions, injectedScript } from '../../src/injected-script.js';

/** Folder with the script as a file, for programs that evaluate it themselves. */
export function scriptFolder(): Disposable & { file(name: string, options: Partial<InjectionOptions>): string } {
  const folder = mkdtempSync(join(tmpdir(), 'obi-node-script-'));
  return {
    file(name, options) {
      const path = join(folder, `${name}.js`);
      writeFileSync(path, injectedScript({ run: name, agent: 0, workers: false, ...options }));
      return path;
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param code CommonJS; `SCRIPT` is the path of the script, `inject(path)` evaluates a script as the inspector would */
export function run(binary: string, code: string, script: string, args: readonly string[] = [], env: Record<string, string> = {}): Promise<Ended> {
  const prelude = `const SCRIPT = ${JSON.stringify(script)}; const inject = (path = SCRIPT) => new Function('require', 'return ' + require('fs').readFileSync(path, 'utf8'))(require);`;
  return new Promise((resolve, reject) => {
    const child = spawn(binary, [...args, '-e', `${prelude}\n${code}`], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
      env: { ...process.env, ...env },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (exit) => resolve({ code: exit, stdout, stderr }));
  });
}

export interface Verdict {
  readonly right: number;
  readonly wrong: number;
  readonly unknown: number;
  readonly unmarked: number;
}

/** chain.cjs, on that version. */
export async function chain(binary: string, script: string, mode: string, requests: number, env: Record<string, string> = {}): Promise<Verdict> {
  const file = join(__dirname, 'chain.cjs');
  const { stdout } = await promisify(execFile)(binary, [file, script, mode, String(requests)], { timeout: 110_000, env: { ...process.env, ...env } });
  return JSON.parse(stdout);
}
