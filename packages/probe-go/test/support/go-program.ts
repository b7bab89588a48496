// SPDX-License-Identifier: Apache-2.0
/** A small program, built by the Go toolchain of this machine. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SOURCE = `package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	fmt.Println("runs")
	if len(os.Args) > 1 {
		_, _ = http.Get(os.Args[1])
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}
`;

/** Why there can be no Go program here. */
export function lackingGo(): string | undefined {
  if (process.arch !== 'x64') return `Go is not served on ${process.arch}`;
  try {
    execFileSync('go', ['version']);
    return undefined;
  } catch {
    return 'the Go toolchain is not installed';
  }
}

const folders: string[] = [];
afterAll(() => folders.forEach((folder) => void rmSync(folder, { recursive: true, force: true })));

/** Builds it; its folder goes when the tests of the file have ended. @param flags of `go build` @param extra further files of the package */
export function buildGo(flags: readonly string[] = [], env: Readonly<Record<string, string>> = {}, extra: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'obi-go-'));
  folders.push(folder);
  writeFileSync(join(folder, 'main.go'), SOURCE);
  writeFileSync(join(folder, 'go.mod'), 'module service\n\ngo 1.18\n');
  for (const [name, text] of Object.entries(extra)) writeFileSync(join(folder, name), text);
  const program = join(folder, 'service');
  execFileSync('go', ['build', '-o', program, ...flags, '.'], { cwd: folder, env: { ...process.env, CGO_ENABLED: '0', ...env }, stdio: 'pipe' });
  return program;
}

/** For the conformance suite: it says `runs` and lives until its input ends. */
export function goProgram() {
  const unavailable = lackingGo();
  return unavailable ? { unavailable } : { command: [buildGo()] };
}
