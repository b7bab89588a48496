// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* An sk_msg program that uses the sockhash it is meant for: the addon must refuse to attach it. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 8);
	__type(key, __u64);
	__type(value, __u64);
} t_sockets SEC(".maps");

SEC("sk_msg")
int t_cycle(struct sk_msg_md *msg)
{
	__u64 key = 1;

	return bpf_msg_redirect_hash(msg, &t_sockets, &key, 0);
}
