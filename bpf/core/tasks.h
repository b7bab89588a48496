/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Records that core itself sends. */
#ifndef OBI_CORE_TASKS_H
#define OBI_CORE_TASKS_H

#define CORE_PROCESS_EVENT 1

#define CORE_EXE_BYTES 128

enum core_process_news {
	CORE_PROCESS_EXEC, /* tgid runs another program now */
	CORE_PROCESS_FORK, /* tgid was forked by traced process `other` */
	CORE_PROCESS_EXIT, /* traced process is gone */
	CORE_PROCESS_LISTEN, /* tgid listens on TCP port `port` */
};

struct core_process_event {
	struct obi_event_hdr hdr;
	__u32 news; /* enum core_process_news */
	__u32 tgid;
	__u32 other;
	__u16 port;
	__u16 exe_len; /* CORE_PROCESS_EXEC only: bytes of exe */
	__u8 exe[CORE_EXE_BYTES]; /* the program's file, for a process that has ended before user space can ask; cut to exe_len in the record */
};

#endif
