// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which bytes of a buffer are a request's whole header block: those of the process that runs the test. */
#include <obi/event.bpf.h>
#include <obi/test.bpf.h>
#include "../write_http1.bpf.h"

OBI_LICENSE;

OBI_COUNTERS(go_counter);

/* In t_input.bytes. */
struct t_bytes {
	__u64 at;
	__u64 len;
};

SEC("raw_tp/t_head")
int t_head(void *ctx)
{
	struct t_input *in = t_input_get();
	struct t_bytes *bytes = in ? (struct t_bytes *)in->bytes : NULL;

	return bytes && head_wants_field(bytes->at, bytes->len, bpf_get_current_pid_tgid());
}
