/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where the bytes of a struct iov_iter lie. The structure changed often; each form is a flavour here, chosen by CO-RE. */
#ifndef OBI_ITER_BPF_H
#define OBI_ITER_BPF_H

#include "abi.bpf.h"
#include "stream.bpf.h"

struct obi_iter {
	__u64 base;
	__u32 iovs;
	__u8 source; /* enum obi_source */
	__u8 _pad[3];
};

/* Before 6.4 the member was `iov`, then `__iov` (commit de4f5fed3f23). */
struct iov_iter___pre_6_4 {
	const struct iovec *iov;
} __attribute__((preserve_access_index));

/* ITER_UBUF: one user buffer (6.0, commit fcb14cb1bdac). */
struct iov_iter___ubuf {
	void *ubuf;
} __attribute__((preserve_access_index));
enum iter_type___ubuf { ITER_UBUF___ubuf };

static __always_inline void obi_iter_read(struct obi_iter *out, struct msghdr *msg)
{
	struct iov_iter *iter = __builtin_preserve_access_index(&msg->msg_iter);
	__u8 type = BPF_CORE_READ(iter, iter_type);
	__u64 offset = BPF_CORE_READ(iter, iov_offset);

	out->source = OBI_SOURCE_UNSEEN;
	out->base = 0;
	out->iovs = 0;
	if (bpf_core_enum_value_exists(enum iter_type___ubuf, ITER_UBUF___ubuf) &&
	    type == bpf_core_enum_value(enum iter_type___ubuf, ITER_UBUF___ubuf)) {
		out->base = (__u64)BPF_CORE_READ((struct iov_iter___ubuf *)iter, ubuf) + offset;
		out->source = OBI_SOURCE_USER;
		return;
	}
	if (type != bpf_core_enum_value(enum iter_type, ITER_IOVEC) || offset)
		return;
	if (bpf_core_field_exists(((struct iov_iter___pre_6_4 *)0)->iov))
		out->base = (__u64)BPF_CORE_READ((struct iov_iter___pre_6_4 *)iter, iov);
	else
		out->base = (__u64)BPF_CORE_READ(iter, __iov);
	out->iovs = BPF_CORE_READ(iter, nr_segs);
	out->source = OBI_SOURCE_KERNEL_IOV;
}

#endif
