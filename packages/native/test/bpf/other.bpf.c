// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A second object: t_shared with basic's layout, t_lru with another one. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} t_shared SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 64);
	__type(key, __u64);
	__type(value, __u32);
} t_lru SEC(".maps");

SEC("socket")
int t_write(struct __sk_buff *skb)
{
	__u32 key = 77;
	__u64 value = 78;

	bpf_map_update_elem(&t_shared, &key, &value, BPF_ANY);
	bpf_map_lookup_elem(&t_lru, &value);
	return 0;
}
