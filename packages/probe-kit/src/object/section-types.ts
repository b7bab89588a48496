// SPDX-License-Identifier: Apache-2.0
/** Which program type a section name stands for, by libbpf's conventions (its `section_defs` table). */
import type { ProgramType } from '@obi/core';

const BY_NAME: readonly (readonly [RegExp, ProgramType])[] = [
  [/^raw_(tp|tracepoint)(\.w)?(\/|$)/, 'raw_tracepoint'],
  [/^(kprobe|kretprobe|ksyscall|kretsyscall|kprobe\.multi|kretprobe\.multi|kprobe\.session)(\/|$)/, 'kprobe'],
  [/^(uprobe|uretprobe|uprobe\.multi|uretprobe\.multi)(\.s)?(\/|$)|^usdt(\.s)?(\/|$)/, 'uprobe'],
  [/^(tp|tracepoint)(\/|$)/, 'tracepoint'],
  [/^(tp_btf|fentry|fexit|fmod_ret)(\.s)?(\/|$)/, 'tracing'],
  [/^iter(\.s)?(\/|$)/, 'iter'],
  [/^sk_msg(\/|$)/, 'sk_msg'],
  [/^sockops(\/|$)/, 'sock_ops'],
  [/^cgroup\/(bind|connect|sendmsg|recvmsg|getpeername|getsockname)(4|6|_unix)$/, 'cgroup_sock_addr'],
];

/** @param section with or without the `?` that switches autoload off. */
export function programTypeOfSection(section: string): ProgramType {
  const name = section.replace(/^\?/, '');
  return BY_NAME.find(([pattern]) => pattern.test(name))?.[1] ?? 'other';
}
