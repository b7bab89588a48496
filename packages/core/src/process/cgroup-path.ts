// SPDX-License-Identifier: Apache-2.0
/** Translates a directory of the cgroup2 file system into the path that /proc/<pid>/cgroup shows. */
import { readFileSync, realpathSync } from 'node:fs';
import { cgroupUnusable } from '../errors.js';

/**
 * @param directory as in `ebpf.cgroup_path`, e.g. `/sys/fs/cgroup/unified/shop`.
 * @param mountInfo text of /proc/self/mountinfo; read when it is not given.
 * @returns e.g. `/shop`; `/` for the mount itself.
 * @throws ObiError OBI_ERR_CGROUP when the directory does not exist or lies in no cgroup2 mount; the message names the mounts that there are.
 */
export function unifiedCgroupPath(directory: string, mountInfo?: string): string {
  const path = mountInfo === undefined ? resolveDirectory(directory) : directory.replace(/(?<=.)\/+$/, '');
  const mounts = cgroup2Mounts(mountInfo ?? readFileSync('/proc/self/mountinfo', 'utf8'));
  const mount = mounts.find(({ point }) => path === point || path.startsWith(`${point}/`));
  if (!mount) {
    const known = mounts.length > 0 ? `cgroup2 is mounted at ${mounts.map(({ point }) => point).join(', ')}` : 'no cgroup2 file system is mounted here';
    throw cgroupUnusable(directory, `is not a cgroup of version 2; ${known}`);
  }
  const root = mount.root === '/' ? '' : mount.root;
  return root + path.slice(mount.point.length) || '/';
}

/** @returns where the cgroup2 hierarchy is mounted, undefined when it is not. */
export function cgroup2Mount(): string | undefined {
  return cgroup2Mounts(readFileSync('/proc/self/mountinfo', 'utf8')).find(({ root }) => root === '/')?.point;
}

function resolveDirectory(directory: string): string {
  try {
    return realpathSync(directory);
  } catch (cause) {
    throw cgroupUnusable(directory, `cannot be opened (${cause instanceof Error ? cause.message : String(cause)})`);
  }
}

/** Longest mount point first. Format: proc_pid_mountinfo(5); spaces and such are written as octal escapes. */
function cgroup2Mounts(mountInfo: string): { readonly root: string; readonly point: string }[] {
  const unescaped = (text: string) => text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  return mountInfo
    .split('\n')
    .flatMap((line) => {
      const [mount, fileSystem] = line.split(' - ');
      const fields = mount?.split(' ') ?? [];
      return fileSystem?.startsWith('cgroup2 ') && fields[3] && fields[4] ? [{ root: unescaped(fields[3]), point: unescaped(fields[4]) }] : [];
    })
    .sort((a, b) => b.point.length - a.point.length);
}
