// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { createKernel } from '../src/index.js';
import { compile, eventually, kernelIds, runChild } from './support.js';

const kernel = createKernel();

describe('features', () => {
  test('every field, without leaving anything behind', async () => {
    const found = kernel.features();
    expect(found.release).toBe(execFileSync('uname', ['-r'], { encoding: 'utf8' }).trim());
    expect(['x86_64', 'arm64']).toContain(found.architecture);
    expect(['none', 'integrity', 'confidentiality', 'absent', 'unreadable']).toContain(found.lockdown);
    expect(found).toMatchObject({ btf: true, ringBuffer: true });
    expect(found.programTypes).toEqual(expect.arrayContaining(['raw_tracepoint', 'uprobe', 'tracepoint', 'tracing', 'sk_msg', 'sock_ops', 'iter']));
    expect(found.capabilities).toEqual(expect.arrayContaining(['SYS_ADMIN', 'NET_ADMIN']));
    expect(found.probeWriteUser).toBe(found.lockdown === 'none' || found.lockdown === 'absent');
    expect(typeof found.fionreadFault).toBe('boolean');
    await eventually('what features() loaded is gone', () => kernelIds('prog', 'obi_feature').size + kernelIds('map', 'obi_fionread').size === 0);
  });

  test('without any right: nothing works, and nothing throws but load()', async () => {
    const { code, stdout, stderr } = await runChild('unprivileged.mjs', [compile('basic')]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { found, refused } = JSON.parse(stdout);
    expect(found).toEqual({
      lockdown: expect.stringMatching(/^(none|integrity|confidentiality|absent|unreadable)$/),
      kprobes: false,
      fentry: false,
      bpfLoop: false,
      ringBuffer: false,
      probeWriteUser: false,
      programTypes: [],
      capabilities: [],
      fionreadFault: 'unknown',
    });
    expect(refused).toMatchObject({
      stage: 'load',
      code: 'EPERM',
      message: expect.stringMatching(/^object basic: cannot load it .*loading needs root, or CAP_BPF/),
    });
  });

  // Only on the kernel that was measured by other means (FACTS: 6.18.44, no kprobes, no fentry, lockdown integrity, FIONREAD says 0).
  const measured = kernel.features().release.startsWith('6.18.44');
  (measured ? test : test.skip)('on the kernel that was measured by hand', () => {
    expect(kernel.features()).toMatchObject({
      lockdown: 'integrity',
      kprobes: false,
      fentry: false,
      bpfLoop: true,
      probeWriteUser: false,
      fionreadFault: true,
    });
  });
});
