// SPDX-License-Identifier: Apache-2.0
// Every BPF object loads on this kernel, at a verifier cost that is on record; here, so that it runs in the virtual machines too (as a tier of its own: npx nx verify).
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(__dirname, '../..');
const hasPrograms = (folder: string) => existsSync(join(root, folder)) && readdirSync(join(root, folder)).some((name) => name.endsWith('.bpf.c'));
const projects = [
  'bpf',
  ...['packages', 'examples']
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder))
        .map((name) => join(folder, name))
        .filter((project) => hasPrograms(join(project, 'bpf'))),
    ),
];

const verify = (...args: string[]) => spawnSync(process.execPath, ['bpf/verify.mjs', ...args], { cwd: root, encoding: 'utf8' });

test.each(projects)('%s', (project) => {
  const { status, stdout, stderr } = verify(project);
  process.stdout.write(stdout);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/ \d+ instructions/);
});

test('a program that became dearer is a failure that says how to accept it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'obi-verify-'));
  try {
    const record = join(folder, 'record.json');
    expect(verify('bpf', '--update', '--output', record).status).toBe(0);
    const [kernel, objects] = Object.entries(JSON.parse(readFileSync(record, 'utf8')) as Record<string, Record<string, Record<string, number>>>).find(
      ([release]) => execFileSync('uname', ['-r'], { encoding: 'utf8' }).startsWith(`${release}.`),
    ) as [string, Record<string, Record<string, number>>];
    const measured = objects['core/tasks']?.obi_fork as number;
    expect(measured).toBeGreaterThan(200);
    const cheaper = { [kernel]: { ...objects, 'core/tasks': { ...objects['core/tasks'], obi_fork: Math.floor(measured / 1.5), obi_gone: 1 } } };
    writeFileSync(record, JSON.stringify(cheaper));
    const { status, stderr } = verify('bpf', '--record', record);
    expect(status).toBe(1);
    expect(stderr).toContain(`verify: core/tasks: obi_fork costs the verifier ${measured} instructions on Linux ${kernel}`);
    expect(stderr).toContain(`verify: core/tasks: obi_gone is on record for Linux ${kernel} but is gone`);
    expect(stderr).toContain('node bpf/verify.mjs bpf --update');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
