// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A program that the kernel skips while it updates t_growing for a system call. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 32 * 1024);
	__type(key, __u32);
	__type(value, __u64);
} t_growing SEC(".maps");

SEC("tracepoint/kmem/kmalloc")
int t_missed(void *ctx)
{
	return 0;
}
