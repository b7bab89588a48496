/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the script inside a Node.js process tells the kernel: kill(NODE_NOBODY | scope, OBI_MARKER_SIGNALS | operation << 20 | descriptor). src/inject/marks.js writes it. */
#ifndef NODE_H
#define NODE_H

#define NODE_NOBODY 0x40000000 /* above every pid: Node.js takes 0 and its own for the end of its process */
#define NODE_SCOPE(pid) ((pid) & (NODE_NOBODY - 1))
#define NODE_OPERATION(signal) ((signal) >> 20 & 0xf)
#define NODE_DESCRIPTOR(signal) ((signal) & 0xfffff)

enum node_operation {
	NODE_REQUEST = 1, /* the request just read from the descriptor is this scope */
	NODE_CAUSED = 2, /* what is written next to the descriptor was caused by this scope; 0: by none that is known */
};

enum node_counter {
	NODE_COUNTER_REQUESTS, /* requests claimed for a scope */
	NODE_COUNTER_CAUSES, /* outgoing requests with a cause */
	NODE_COUNTER_NO_SOCKET, /* marks for a descriptor that is no TCP socket */
	NODE_COUNTER_NO_REQUEST, /* marks for a request that no protocol saw begin, or one of several on its connection */
};

#endif
