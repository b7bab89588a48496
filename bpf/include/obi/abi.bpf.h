/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every object of OBI starts with: kernel types, helpers, the ABI number, and the slot that core gives the probe at load. */
#ifndef OBI_ABI_BPF_H
#define OBI_ABI_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_endian.h>

/*
 * Version of the shared maps and structs in this folder. Any change of a size, a member or a meaning raises it;
 * core refuses an object that was compiled against another one.
 */
#define OBI_ABI 2

/* Read from the ELF file before load, so it must not be optimised away. */
const volatile __u32 obi_abi = OBI_ABI;

/* Number of this probe in core's program arrays and counters; 0 is core itself. Set at load. */
const volatile __u32 obi_slot = 0;

#define OBI_SLOTS 16

#define OBI_LICENSE char LICENSE[] SEC("license") = "Dual BSD/GPL"

/* Keeps clang from merging a bounds check into arithmetic that the verifier then cannot follow. */
#define obi_barrier(x) asm volatile("" : "+r"(x))

/* Eight bytes, at any address but the stack's. clang, which may not know that each may be read so, goes byte by byte: 20 instructions. */
static __always_inline __u64 obi_word_get(const void *at)
{
	__u64 word;

	asm volatile("%0 = *(u64 *)(%1 + 0)" : "=r"(word) : "r"(at) : "memory");
	return word;
}

static __always_inline void obi_word_put(void *at, __u64 word)
{
	asm volatile("*(u64 *)(%0 + 0) = %1" : : "r"(at), "r"(word) : "memory");
}

/* A number that is not zero and will not come again. */
static __always_inline void obi_random_id(__u64 *id)
{
	*id = ((__u64)bpf_get_prandom_u32() << 32) | bpf_get_prandom_u32() | 1;
}

#endif
