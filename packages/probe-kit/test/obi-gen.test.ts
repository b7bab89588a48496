// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProbeManifest } from '@obi/core';
import { main } from '../src/cli/obi-gen.js';
import { describeWith, Workshop } from './support/clang.js';

const workshop = new Workshop();
const at = (...parts: string[]) => join(workshop.directory, ...parts);
const said: string[] = [];
const run = (...args: string[]): number => {
  said.length = 0;
  return main(args);
};
beforeAll(() => jest.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(String(text)) > 0));
afterAll(() => {
  jest.restoreAllMocks();
  workshop.dispose();
});

test('wrong usage is exit code 2 with the usage', () => {
  expect(run('--id', 'x')).toBe(2);
  expect(said.join('')).toContain('obi-gen --id ID --object');
  expect(run('--nosuch')).toBe(2);
});

test('a missing object is exit code 1 with its path', () => {
  expect(run('--id', 'x', '--object', 'x86_64=/nonexistent/x.bpf.o')).toBe(1);
  expect(said.join('')).toContain('/nonexistent/x.bpf.o');
});

describeWith('clang')('obi-gen', () => {
  const readers = at('src', 'generated', 'sample.events.ts');
  const manifest = at('dist', 'manifest.json');
  let objects: string[] = [];
  beforeAll(() => {
    const object = workshop.fixture('sample.bpf.c');
    for (const arch of ['x86_64', 'arm64']) {
      mkdirSync(at('bpf', arch), { recursive: true });
      copyFileSync(object, at('bpf', arch, 'sample.bpf.o'));
    }
    objects = ['--object', at('bpf', 'x86_64', 'sample.bpf.o'), '--object', at('bpf', 'arm64', 'sample.bpf.o')];
  });

  test('writes readers and a manifest with paths relative to it and digests', () => {
    expect(run('--id', 'sample', ...objects, '--readers', readers, '--manifest', manifest)).toBe(0);
    expect(readFileSync(readers, 'utf8')).toContain('export const sampleEndEvent = {');
    const written = JSON.parse(readFileSync(manifest, 'utf8')) as ProbeManifest;
    const sha256 = createHash('sha256')
      .update(readFileSync(at('bpf', 'arm64', 'sample.bpf.o')))
      .digest('hex');
    expect(written.schema).toBe(1);
    expect(written.abi).toBe(2);
    expect(written.objects.arm64).toEqual({ file: '../bpf/arm64/sample.bpf.o', sha256 });
    expect(written.programs[0]).toEqual({
      name: 'sample_enter_e',
      section: 'raw_tp/sys_enter',
      type: 'raw_tracepoint',
      helpers: ['get_current_pid_tgid', 'map_lookup_elem'],
    });
    expect(written.events.map(({ struct, kind, size }) => [struct, kind, size])).toEqual([
      ['sample_exchange_event', 1, 112],
      ['sample_end_event', 2, 24],
    ]);
    expect(written.counters).toEqual(['truncated_path', 'no_room']);
  });

  test('--check accepts what it wrote and refuses an edit, without writing', () => {
    expect(run('--id', 'sample', ...objects, '--readers', readers, '--check')).toBe(0);
    const edited = readFileSync(readers, 'utf8').replace('size: 112', 'size: 113');
    writeFileSync(readers, edited);
    expect(run('--id', 'sample', ...objects, '--readers', readers, '--check')).toBe(1);
    expect(said.join('')).toContain(`${readers} does not match the object of probe sample`);
    expect(readFileSync(readers, 'utf8')).toBe(edited);
  });

  test('--mermaid fills the marked part of a document and leaves the rest', () => {
    const document = at('DEV.md');
    writeFileSync(document, '# Before\n');
    expect(run('--id', 'sample', ...objects, '--mermaid', document)).toBe(1);
    expect(said.join('')).toContain('<!-- obi-gen:diagram -->');
    writeFileSync(document, '# Before\n<!-- obi-gen:diagram -->\nold\n<!-- /obi-gen:diagram -->\nAfter\n');
    expect(run('--id', 'sample', ...objects, '--mermaid', document)).toBe(0);
    const text = readFileSync(document, 'utf8');
    expect(text).toMatch(/^# Before\n/);
    expect(text).toMatch(/\nAfter\n$/);
    expect(text).not.toContain('old');
    expect(text).toContain('  p_sample_enter_e --> m_sample_inflight\n');
    expect(text).toContain('  m_sample_events ==> e_sample_end_event\n');
  });

  test('architectures that differ are refused with both', () => {
    writeFileSync(at('bpf', 'arm64', 'other.bpf.o'), workshop.snippet('SEC("sk_msg") int other(void *ctx) { return 1; }'));
    expect(run('--id', 'sample', '--object', at('bpf', 'x86_64', 'sample.bpf.o'), '--object', at('bpf', 'arm64', 'other.bpf.o'), '--manifest', manifest)).toBe(
      1,
    );
    expect(said.join('')).toMatch(/sample\.bpf\.o and .*other\.bpf\.o differ in programs/);
  });

  test('an object without ABI, or of an unknown architecture, is refused', () => {
    const source = at('noabi.bpf.c');
    writeFileSync(source, '#include "sdk.h"\nSEC("sk_msg") int other(void *ctx) { return 1; }\n');
    const object = workshop.compile(source, 'noabi.bpf.o');
    expect(run('--id', 'x', '--object', `x86_64=${object}`, '--manifest', manifest)).toBe(1);
    expect(said.join('')).toContain('no global obi_abi');
    expect(run('--id', 'x', '--object', `mips=${object}`)).toBe(1);
    expect(said.join('')).toContain('architecture unknown');
  });

  test('an object that exports no events gets no readers', () => {
    const object = at('x86_64.bpf.o');
    writeFileSync(object, workshop.snippet('SEC("sk_msg") int other(void *ctx) { return 1; }'));
    expect(run('--id', 'x', '--object', `x86_64=${object}`, '--readers', at('none.events.ts'))).toBe(0);
    expect(existsSync(at('none.events.ts'))).toBe(false);
  });
});
