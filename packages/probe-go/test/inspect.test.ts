// SPDX-License-Identifier: Apache-2.0
// What is read from real programs, against what Go's own tools say of them.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ElfImage, openFile } from '@obi/core/probe';
import { readGoVersion } from '../src/binary/build-info.js';
import { findFunctions, type GoFunction } from '../src/binary/function-table.js';
import { inspect } from '../src/plan/inspect.js';
import { buildGo, lackingGo } from './support/go-program.js';

const NAMES = ['runtime.gostartcallfn', 'runtime.goexit1', 'net/http.(*persistConn).roundTrip', 'net/http.(*persistConn).writeLoop'];
jest.setTimeout(180_000);

const lacking = lackingGo();
(lacking ? describe.skip : describe)(`programs of this machine's Go${lacking ? ` (${lacking})` : ''}`, () => {
  let plain: string;
  beforeAll(() => {
    plain = buildGo();
  });

  test('functions lie where go tool nm says', () => {
    const told = new Map(
      execFileSync('go', ['tool', 'nm', plain], { encoding: 'utf8', maxBuffer: 1 << 28 })
        .split('\n')
        .map((line) => /^ *([0-9a-f]+) [Tt] (.+)$/.exec(line))
        .flatMap((match) => (match ? [[match[2] as string, Number.parseInt(match[1] as string, 16)] as const] : [])),
    );
    using image = ElfImage.open(openFile(plain)) as ElfImage;
    const found = findFunctions(image, [...NAMES, 'no.such.function', 'goexit1']);
    expect([...(found ?? [])].map(([name, { address }]) => [name, address]).sort()).toEqual(NAMES.map((name) => [name, told.get(name)]).sort());
    expect(readGoVersion(image)?.text).toBe(execFileSync('go', ['env', 'GOVERSION'], { encoding: 'utf8' }).trim());
  });

  test.each([
    ['stripped', ['-ldflags=-s -w'], {}],
    ['position-independent, stripped', ['-buildmode=pie', '-ldflags=-s -w'], {}],
    ['with C', [], { CGO_ENABLED: '1' }],
    ['with C, position-independent, stripped', ['-buildmode=pie', '-ldflags=-s -w'], { CGO_ENABLED: '1' }],
  ])('%s', (_, flags, env) => {
    const plan = inspect(buildGo(flags, env), 'x64');
    expect(plan).toMatchObject({ slot: -8, layout: { curg: expect.any(Number) } });
    if (typeof plan === 'string') return;
    expect(plan).toMatchObject({ limit: undefined, tls: true, landmarks: { tcpClose: expect.any(Number), bufferWrite: expect.any(Number) } });
    expect(plan.hooks.map(({ program }) => program).join(' ')).toBe(
      'go_exited go_started go_sent go_sent go_received go_received go_put go_put go_taken go_taken go_head_written go_h2_framed go_head_flushed go_head_flushed go_head_flushed go_h2_over go_h2_got go_h2_got_all go_h2_field go_h2_sent go_h2_encodes go_writer go_client_used go_helper go_helper go_tls_read go_tls_writing go_tls_writing go_tls_written go_tls_written',
    );
  });

  test('a server: HTTP/2', () => {
    const server = 'package main\n\nimport "net/http"\n\nfunc init() { go http.ListenAndServeTLS("localhost:0", "", "", nil) }\n';
    const plan = inspect(buildGo(['-ldflags=-s -w'], {}, { 'server.go': server }), 'x64');
    if (typeof plan === 'string') throw new Error(plan);
    const programs = plan.hooks.map(({ program }) => program).join(' ');
    expect(programs).toContain(' go_h2_closed go_h2_handled go_h2_answered go_h2_served go_h2_opened ');
  });

  const router = 'package main\n\nimport "net/http"\n\nfunc init() { go http.ListenAndServe("localhost:0", http.NewServeMux()) }\n';
  test('a server: its router, with patterns of either kind', () => {
    const plan = inspect(buildGo(['-ldflags=-s -w'], {}, { 'server.go': router }), 'x64');
    if (typeof plan === 'string') throw new Error(plan);
    expect(plan).toMatchObject({ limit: undefined, places: { oldPattern: expect.any(Number), ginValue: 0, chiContext: 0 } });
    expect([plan.places.oldPattern > 0, plan.places.oldPattern % 8]).toEqual([true, 0]);
    expect(plan.hooks.map(({ program }) => program).filter((program) => program.startsWith('go_route'))).toEqual(['go_route_old', 'go_route_std']);
  });

  test('a router that looks different is left alone, and said', () => {
    const plan = inspect(withoutCode(buildGo([], {}, { 'server.go': router }), 'net/http.(*ServeMux).ServeHTTP'), 'x64');
    if (typeof plan === 'string') throw new Error(plan);
    expect(plan.limit).toBe(
      'routes are not known: net/http.(*ServeMux).ServeHTTP is not as in the releases that are known (built with a profile, PGO, or without optimisation?)',
    );
    expect(plan.hooks.map(({ program }) => program)).not.toContain('go_route_std');
  });

  test('without net/http and crypto/tls, which the linker leaves out', () => {
    const plan = inspect(buildGo([], {}, { 'main.go': 'package main\n\nfunc main() { go main(); <-make(chan *int) }\n' }), 'x64');
    if (typeof plan === 'string') throw new Error(plan);
    expect(plan).toMatchObject({ limit: undefined, tls: false, landmarks: { tcpClose: undefined, bufferWrite: undefined } });
    expect(plan.hooks.filter(({ program }) => /tls|client|writer/.test(program))).toEqual([]);
  });

  test('a crypto/tls that looks different is left alone, and said', () => {
    const plan = inspect(withoutCode(plain, 'crypto/tls.(*Conn).Read'), 'x64');
    if (typeof plan === 'string') throw new Error(plan);
    expect(plan).toMatchObject({ limit: expect.stringContaining('crypto/tls.(*Conn).Read is not as in'), tls: false });
    expect(plan.hooks.filter(({ program }) => program.startsWith('go_tls'))).toEqual([]);
  });

  test('with thread-local variables of C, which are aligned more strictly', () => {
    const extra = {
      'tls.go': `package main

/*
static __thread char many[24] __attribute__((aligned(64)));
static char *touch(int n) { many[n % 24]++; return many; }
*/
import "C"

func init() { C.touch(C.int(1)) }
`,
    };
    // The block ends at the thread pointer, and begins at a multiple of 64 from there; Go's variable is in it.
    const plan = inspect(buildGo([], { CGO_ENABLED: '1' }, extra), 'x64');
    if (typeof plan === 'string') throw new Error(plan);
    expect([plan.slot < -8, plan.slot % 64]).toEqual([true, -0]);
    expect(inspect(buildGo(['-ldflags=-s -w'], { CGO_ENABLED: '1' }, extra), 'x64')).toContain('no symbol tells which is Go');
  });

  test('the layouts are those of this release', () => {
    const version = execFileSync('go', ['env', 'GOVERSION'], { encoding: 'utf8' }).trim().replace(/^go/, '');
    expect(execFileSync(process.execPath, [tool, version], { encoding: 'utf8' })).toBe(`go${version}: as known\n`);
  });

  const tool = join(__dirname, '../tools/offsets.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [tool, '--releases'], { encoding: 'utf8', timeout: 20_000 });
  // Asked anew each time: the next Go is found by a test that fails.
  const unreachable = status === 0 || status === 1 ? undefined : stderr.trim() || 'no answer in 20 s';
  (unreachable ? test.skip : test)(`every release since Go 1.18 is served${unreachable ? ` (${unreachable})` : ''}`, () => {
    expect({ status, unknown: stdout.split('\n').filter((line) => line !== '' && !line.endsWith(', served')) }).toEqual({ status: 0, unknown: [] });
    expect(stdout).toContain('go1.18: 1.18 to 1.18.10, served');
  });

  // Files of any user are read, by root.
  test.each([
    ['more functions than it has room for', 8, 0xffff_ffff],
    ['no function', 8, 0],
    ['names beyond its end', 32, 0x7fff_ffff],
    ['lines beyond its end', 64, 0x7fff_ffff],
    ['a text that starts elsewhere', 24, 0x1234],
    ['another kind of table', 0, 0xffff_fffb],
  ])('a table of functions that claims %s is refused', (_, field, value) => {
    const bytes = readFileSync(plain);
    using image = ElfImage.open(openFile(plain)) as ElfImage;
    const table = image.sections.find(({ name }) => name === '.gopclntab');
    bytes.writeUInt32LE(value, Number(table?.offset) + field);
    const damaged = join(mkdtempSync(join(tmpdir(), 'obi-go-')), 'damaged');
    writeFileSync(damaged, bytes);
    try {
      let answer: unknown;
      try {
        answer = inspect(damaged, 'x64');
      } catch (error) {
        answer = String((error as Error).message); // the driver's answer is a refusal then
      }
      expect(answer).toEqual(expect.any(String));
    } finally {
      rmSync(dirname(damaged), { recursive: true });
    }
  });

  test('hooks lie on jumps, calls and pushes, which the kernel emulates', () => {
    const plan = inspect(plain, 'x64');
    if (typeof plan === 'string') throw new Error(plan);
    using file = openFile(plain);
    for (const { offset } of plan.hooks) expect(['76', '0f86', '55', 'e8', '74', '75', '0f84', '0f85']).toContain(opcode(file.read(offset, 2)));
  });
});

const changed: string[] = [];
afterAll(() => changed.forEach((folder) => void rmSync(folder, { recursive: true })));

/** A copy of the program with a function that has no call in it any more: nop throughout. */
function withoutCode(program: string, name: string): string {
  using image = ElfImage.open(openFile(program)) as ElfImage;
  const code = findFunctions(image, [name])?.get(name) as GoFunction;
  const bytes = readFileSync(program);
  bytes.fill(0x90, image.offsetOf(code.address), Number(image.offsetOf(code.address)) + code.end - code.address);
  const folder = mkdtempSync(join(tmpdir(), 'obi-go-'));
  changed.push(folder);
  writeFileSync(join(folder, 'changed'), bytes);
  return join(folder, 'changed');
}

/** A near jump's opcode has two bytes. */
function opcode(code: Buffer): string {
  return code.toString('hex', 0, code[0] === 0x0f ? 2 : 1);
}

test('what Go has not built is refused with the reason', () => {
  expect(inspect(process.execPath, 'x64')).toContain('not built by Go 1.18 or newer');
  expect(inspect(process.execPath, 'arm64')).toContain('not known on arm64');
});
