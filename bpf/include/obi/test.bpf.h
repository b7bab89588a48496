/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For test programs only: their input, bytes that user space puts into a map before each BPF_PROG_TEST_RUN. */
#ifndef OBI_TEST_BPF_H
#define OBI_TEST_BPF_H

#include "abi.bpf.h"

#define T_INPUT_BYTES 8192

struct t_input {
	__u32 len;
	__u32 option; /* meaning is the program's */
	__u8 bytes[T_INPUT_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct t_input);
} t_input SEC(".maps");

static __always_inline struct t_input *t_input_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&t_input, &zero);
}

#endif
