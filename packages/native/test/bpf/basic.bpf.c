// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One of everything that the addon's tests need. Compiled by test/compile.ts. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct record {
	__u64 sequence;
	__u32 length;
	__u8 fill[20];
};

/* rodata, data, bss */
const volatile __u32 cfg_pid = 0;
const volatile __u64 cfg_syscall = ~0ull;
const volatile __u32 cfg_discard = 1;
__u32 start_value = 7;
__u64 seen;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} t_events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} t_shared SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} t_percpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 64);
	__type(key, __u64);
	__type(value, __u64);
} t_lru SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 64);
	__type(key, __u64);
	__type(value, __u64);
} t_sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} t_storage SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} t_slots SEC(".maps");

static __always_inline void count(__u32 slot)
{
	__u32 *value = bpf_map_lookup_elem(&t_percpu, &slot);

	if (value)
		__sync_fetch_and_add(value, 1);
}

/* One record per call of the chosen system call by the chosen process; with cfg_discard every 8th is discarded. */
SEC("raw_tp/sys_enter")
int t_enter(struct bpf_raw_tracepoint_args *ctx)
{
	struct record *record;
	__u64 sequence, pending;

	if (bpf_get_current_pid_tgid() >> 32 != cfg_pid || ctx->args[1] != cfg_syscall)
		return 0;
	sequence = __sync_fetch_and_add(&seen, 1);
	record = bpf_ringbuf_reserve(&t_events, sizeof(*record), 0);
	if (!record) {
		count(1);
		return 0;
	}
	record->sequence = sequence;
	record->length = start_value;
	__builtin_memset(record->fill, (int)(sequence & 0xff), sizeof(record->fill));
	if (cfg_discard && (sequence & 7) == 7) {
		/* Without a wake-up: to the next record the ring looks as if somebody had been woken. */
		bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
		count(0);
		return 0;
	}
	/* As the product does: wake when the reader has nothing yet, or too much. */
	pending = bpf_ringbuf_query(&t_events, BPF_RB_AVAIL_DATA);
	bpf_ringbuf_submit(record, pending <= sizeof(*record) + 8 || pending >= 32 * 1024 ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
	return 0;
}

/* Calls whatever sits in slot 0. */
SEC("raw_tp/sys_exit")
int t_exit(struct bpf_raw_tracepoint_args *ctx)
{
	if (bpf_get_current_pid_tgid() >> 32 == cfg_pid)
		bpf_tail_call(ctx, &t_slots, 0);
	return 0;
}

SEC("raw_tp/sys_exit")
int t_slot(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 key = 1, value = 42;

	bpf_map_update_elem(&t_lru, &key, &value, BPF_ANY);
	return 0;
}

SEC("sk_msg")
int t_msg(struct sk_msg_md *msg)
{
	__u32 key = 9;
	__u64 one = 1, *value = bpf_map_lookup_elem(&t_shared, &key);

	if (value)
		__sync_fetch_and_add(value, 1);
	else
		bpf_map_update_elem(&t_shared, &key, &one, BPF_ANY);
	return SK_PASS;
}

SEC("sockops")
int t_ops(struct bpf_sock_ops *ops)
{
	__u32 key = 10;
	__u64 one = 1;
	__u64 *stored = ops->sk ? bpf_sk_storage_get(&t_storage, ops->sk, 0, BPF_SK_STORAGE_GET_F_CREATE) : 0;

	if (stored)
		*stored = one;
	bpf_map_update_elem(&t_shared, &key, &one, BPF_ANY);
	return 1;
}

SEC("tracepoint/syscalls/sys_enter_getpriority")
int t_tracepoint(void *ctx)
{
	__u32 key = 11;
	__u64 one = 1;

	if (bpf_get_current_pid_tgid() >> 32 == cfg_pid)
		bpf_map_update_elem(&t_shared, &key, &one, BPF_ANY);
	return 0;
}

SEC("tp_btf/sys_enter")
int t_trace(__u64 *ctx)
{
	__u32 key = 13;
	__u64 one = 1;

	if (bpf_get_current_pid_tgid() >> 32 == cfg_pid)
		bpf_map_update_elem(&t_shared, &key, &one, BPF_ANY);
	return 0;
}

SEC("uprobe")
int t_uprobe(void *ctx)
{
	__u32 key = 12;
	__u64 one = 1, *value = bpf_map_lookup_elem(&t_shared, &key);

	if (value)
		__sync_fetch_and_add(value, 1);
	else
		bpf_map_update_elem(&t_shared, &key, &one, BPF_ANY);
	return 0;
}

SEC("uprobe.multi")
int t_uprobe_multi(void *ctx)
{
	__u32 key = 14;
	__u64 one = 1, *value = bpf_map_lookup_elem(&t_shared, &key);

	if (value)
		__sync_fetch_and_add(value, 1);
	else
		bpf_map_update_elem(&t_shared, &key, &one, BPF_ANY);
	return 0;
}

SEC("kprobe/tcp_sendmsg")
int t_kprobe(void *ctx)
{
	return 0;
}

/* For BPF_PROG_TEST_RUN: returns the packet's second byte, plus one. */
SEC("socket")
int t_filter(struct __sk_buff *skb)
{
	__u8 byte = 0;

	bpf_skb_load_bytes(skb, 1, &byte, 1);
	return byte + 1;
}
