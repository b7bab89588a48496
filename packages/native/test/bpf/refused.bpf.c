// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The verifier must refuse it: a map value is used without asking whether it is there. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} t_refused SEC(".maps");

SEC("socket")
int t_unchecked(struct __sk_buff *skb)
{
	__u32 key = skb->len;
	__u64 *value = bpf_map_lookup_elem(&t_refused, &key);

	return (int)*value;
}
