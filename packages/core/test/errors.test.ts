// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ERROR_CODES } from '../src/error-codes.js';
import * as errors from '../src/errors.js';
import { renderErrorsReference } from '../src/errors-reference.js';
import type { KernelError } from '../src/kernel/kernel.js';

const codes = Object.keys(ERROR_CODES).sort();

describe('code, type and documentation stay together', () => {
  test('docs/reference/errors.md is what the table renders', () => {
    const committed = readFileSync(join(__dirname, '../../../docs/reference/errors.md'), 'utf8');
    expect(committed).toBe(renderErrorsReference());
    expect([...committed.matchAll(/^## (OBI_ERR_\w+)$/gm)].map((m) => m[1]).sort()).toEqual(codes);
  });

  test('every code has a factory', () => {
    const source = readFileSync(join(__dirname, '../src/errors.ts'), 'utf8');
    expect([...new Set([...source.matchAll(/OBI_ERR_\w+/g)].map((m) => m[0]))].sort()).toEqual(codes);
  });

  test('codes follow OBI_ERR_<AREA>[_<WHAT>]', () => {
    for (const code of codes) expect(code).toMatch(/^OBI_ERR_[A-Z]+(_[A-Z]+)*$/);
  });
});

describe('messages', () => {
  test('name the actor first, then what happened, then what to do', () => {
    const error = errors.probeAbiMismatch('http', 2, 1);
    expect(error.message).toBe(
      'probe http: its object was compiled for kernel ABI 2, this obi has ABI 1; compile the probe against the @obi/bpf of this obi, or install matching versions',
    );
    expect(error).toMatchObject({ name: 'ObiError', code: 'OBI_ERR_PROBE_ABI_MISMATCH', details: { theirs: 2, ours: 1 } });
  });

  test('an unknown plugin names what is installed and the nearest', () => {
    expect(errors.pluginUnknown('htpt', ['go', 'http'], 'http').message).toContain('there is no probe "htpt" (did you mean "http"?); installed: go, http');
    expect(errors.pluginUnknown('redis', []).message).toContain('there is no probe "redis"; installed: none');
  });

  test('a kernel failure carries stage, errno and the verifier log', () => {
    const cause = Object.assign(new Error('Permission denied'), { stage: 'attach', errno: 1, code: 'EPERM', verifierLog: 'R1 invalid' }) as KernelError;
    const error = errors.kernelFailure('probe http', 'cannot attach http_recv_e', cause);
    expect(error.code).toBe('OBI_ERR_KERNEL_ATTACH');
    expect(error.cause).toBe(cause);
    expect(error.details).toEqual({ stage: 'attach', errno: 1, errnoName: 'EPERM', verifierLog: 'R1 invalid' });
    expect(error.message).toMatch(/^probe http: cannot attach http_recv_e: Permission denied; /);
  });
});

test('isObiError goes by code, not by class, and refuses other codes', () => {
  expect(errors.isObiError(Object.assign(new Error('x'), { code: 'OBI_ERR_RIGHTS' }))).toBe(true);
  expect(errors.isObiError(errors.rights(['BPF']))).toBe(true);
  expect(errors.isObiError(Object.assign(new Error('x'), { code: 'ENOENT' }))).toBe(false);
  expect(errors.isObiError('OBI_ERR_RIGHTS')).toBe(false);
});
