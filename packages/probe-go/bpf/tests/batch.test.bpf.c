// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where the buffer of gRPC's writer is, and its room: in the memory of the process that runs the test. */
#include <obi/event.bpf.h>
#include <obi/test.bpf.h>
#include "../write_grpc.bpf.h"

OBI_LICENSE;

OBI_COUNTERS(go_counter);

/* What is in t_input.bytes, and what comes back there. */
struct t_batch {
	__u64 writer;
	struct go_batch batch;
};

SEC("raw_tp/t_batch")
int t_batch(void *ctx)
{
	struct t_input *in = t_input_get();
	struct t_batch *asked = in ? (struct t_batch *)in->bytes : NULL;

	if (!asked)
		return 0;
	asked->batch = batch_of(asked->writer);
	return 1;
}
