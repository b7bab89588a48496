/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel half and the decoder share: one record per span that the program made by the Auto SDK. */
#ifndef OBI_GO_AUTO_H
#define OBI_GO_AUTO_H

#define AUTO_SPAN_EVENT 2

#define AUTO_SPAN_TEXT 16384

struct auto_span_event {
	struct obi_event_hdr hdr;
	struct obi_trace trace;
	struct obi_cause cause;
	__u32 tgid;
	__u32 text_len;
	__u8 text[AUTO_SPAN_TEXT]; /* the SDK's own encoding: OTLP as JSON */
};

#endif
