// SPDX-License-Identifier: Apache-2.0
import { unifiedCgroupPath } from '../../src/process/cgroup-path';

const HYBRID = [
  '25 21 0:22 / /sys/fs/cgroup rw - tmpfs tmpfs rw',
  '26 25 0:23 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw',
  '27 25 0:24 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu',
].join('\n');
const BIND = '26 25 0:23 /host/slice /mnt/my\\040cgroups rw - cgroup2 cgroup2 rw';

test.each([
  [HYBRID, '/sys/fs/cgroup/unified', '/'],
  [HYBRID, '/sys/fs/cgroup/unified/', '/'],
  [HYBRID, '/sys/fs/cgroup/unified/shop/web', '/shop/web'],
  [BIND, '/mnt/my cgroups/shop', '/host/slice/shop'],
])('%#: %s %s → %s', (mounts, directory, path) => {
  expect(unifiedCgroupPath(directory, mounts)).toBe(path);
});

test.each([
  ['/sys/fs/cgroup/cpu/shop', 'cgroup2 is mounted at /sys/fs/cgroup/unified'],
  ['/sys/fs/cgroup/unifiedX', 'is not a cgroup of version 2'],
])('%s is refused', (directory, message) => {
  expect(() => unifiedCgroupPath(directory, HYBRID)).toThrow(message);
});

test('a directory that does not exist is named', () => {
  expect(() => unifiedCgroupPath('/nonexistent-cgroup')).toThrow(/\/nonexistent-cgroup.*ENOENT/);
});
