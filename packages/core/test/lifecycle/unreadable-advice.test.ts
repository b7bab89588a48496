// SPDX-License-Identifier: Apache-2.0
import { unreadableAdvice } from '../../src/lifecycle/unreadable-advice';

test('says how many, where, and what to do', () => {
  const text = unreadableAdvice([1, 2, 3, 4, 5, 6], '/shop', ['BPF', 'PERFMON']);
  expect(text).toMatch(
    /^selection: 6 processes in cgroup \/shop that may be meant \(pid 1, 2, 3, 4, 5, …\) cannot be looked at, because CAP_SYS_PTRACE is missing and they run/,
  );
  expect(text).toMatch(/run obi as root with all its capabilities, grant CAP_SYS_PTRACE/);
});

test('one, anywhere', () => {
  expect(unreadableAdvice([7], undefined, [])).toMatch(
    /^selection: 1 process that may be meant \(pid 7\) cannot be looked at, because CAP_SYS_PTRACE is missing and it runs/,
  );
});

test('a right that obi has is not what is missing', () => {
  const text = unreadableAdvice([7], '/', ['SYS_PTRACE']);
  expect(text).toMatch(/although obi has CAP_SYS_PTRACE.*AppArmor, SELinux/);
  expect(text).not.toMatch(/missing|grant/);
});
