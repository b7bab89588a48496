// SPDX-License-Identifier: Apache-2.0
/*
 * Wake-up of a ring reader on Node's libuv loop:
 *
 *   WATCHING --readable or 250 ms--> stop polling, arm timer --> WAITING --timer--> deliver
 *      ^                                                            ^                  |
 *      |                                                            +-- something came +
 *      +--------------------------- nothing came --------------------------------------+
 *
 * Nothing is missed between the last delivery and watching again: libuv registers the fd anew with epoll, epoll asks the map at once,
 * and the map says readable while producer and consumer positions differ. What the producer may miss is to wake us: it decides before it
 * submits (and after it saw a record that was then discarded) that somebody else's wake-up is under way. So watching has a backstop.
 *
 * libuv's functions come from the host process (Node exports them) and are declared by hand: its headers are not needed to build.
 * Weak, so that a unit test binary links without a host.
 */
#include "obi_shim.h"

#include <errno.h>
#include <stdlib.h>

typedef struct uv_loop_s uv_loop_t;
typedef struct uv_handle_s uv_handle_t;
typedef struct uv_poll_s uv_poll_t;
typedef struct uv_timer_s uv_timer_t;

#define UV_READABLE 1
#define UV_POLL 8
#define UV_TIMER 13

/* A wake-up that never came delays records by this much, no more. Four timer ticks a second when idle. */
#define BACKSTOP_MS 250

#define HOST __attribute__((weak)) extern
HOST size_t uv_handle_size(int type);
HOST void uv_handle_set_data(uv_handle_t *handle, void *data);
HOST void *uv_handle_get_data(const uv_handle_t *handle);
HOST void uv_close(uv_handle_t *handle, void (*on_close)(uv_handle_t *));
HOST int uv_poll_init(uv_loop_t *loop, uv_poll_t *handle, int fd);
HOST int uv_poll_start(uv_poll_t *handle, int events, void (*on_event)(uv_poll_t *, int status, int events));
HOST int uv_poll_stop(uv_poll_t *handle);
HOST int uv_timer_init(uv_loop_t *loop, uv_timer_t *handle);
HOST int uv_timer_start(uv_timer_t *handle, void (*on_timer)(uv_timer_t *), uint64_t timeout, uint64_t repeat);
HOST int uv_timer_stop(uv_timer_t *handle);

struct obi_poll {
	uv_poll_t *poll;
	uv_timer_t *timer;
	uint64_t coalesce_ms;
	obi_deliver_fn deliver;
	void (*released)(void *context);
	void *context;
	int handles;	/* that libuv still knows */
	int started;
	int closed;
};

static void on_closed(uv_handle_t *handle)
{
	struct obi_poll *poll = uv_handle_get_data(handle);

	free(handle);
	if (--poll->handles)
		return;
	poll->released(poll->context);
	free(poll);
}

static void on_timer(uv_timer_t *timer);

static void on_readable(uv_poll_t *handle, int status, int events)
{
	struct obi_poll *poll = uv_handle_get_data((uv_handle_t *)handle);

	(void)status;	/* an error is treated as a wake-up: the timer's pace keeps it from spinning */
	(void)events;
	uv_poll_stop(poll->poll);
	uv_timer_start(poll->timer, on_timer, poll->coalesce_ms, 0);
}

static int watch(struct obi_poll *poll)
{
	const int err = uv_poll_start(poll->poll, UV_READABLE, on_readable);

	/* Also where it cannot be polled: the timer then looks into the ring at this pace, and tries again. */
	uv_timer_start(poll->timer, on_timer, BACKSTOP_MS, 0);
	return err;
}

static void on_timer(uv_timer_t *timer)
{
	struct obi_poll *poll = uv_handle_get_data((uv_handle_t *)timer);
	const size_t delivered = poll->deliver(poll->context);

	/* JavaScript ran: it may have stopped or closed this reader. Closed memory lives until on_closed. */
	if (poll->closed || !poll->started)
		return;
	if (delivered) {
		uv_poll_stop(poll->poll);
		uv_timer_start(poll->timer, on_timer, poll->coalesce_ms, 0);
	} else {
		watch(poll);
	}
}

int obi_poll_open(struct uv_loop_s *loop, int fd, uint64_t coalesce_ms, obi_deliver_fn deliver,
		  void (*released)(void *context), void *context, struct obi_poll **out)
{
	struct obi_poll *poll;
	int err;

	if (!uv_poll_init)
		return -ENOSYS;
	poll = calloc(1, sizeof(*poll));
	if (!poll)
		return -ENOMEM;
	poll->poll = calloc(1, uv_handle_size(UV_POLL));
	poll->timer = calloc(1, uv_handle_size(UV_TIMER));
	if (!poll->poll || !poll->timer) {
		err = -ENOMEM;
		goto fail;
	}
	/* On Linux libuv's error codes are negative errno values. */
	err = uv_poll_init(loop, poll->poll, fd);
	if (err)
		goto fail;
	uv_timer_init(loop, poll->timer);
	uv_handle_set_data((uv_handle_t *)poll->poll, poll);
	uv_handle_set_data((uv_handle_t *)poll->timer, poll);
	poll->handles = 2;
	poll->coalesce_ms = coalesce_ms;
	poll->deliver = deliver;
	poll->released = released;
	poll->context = context;
	*out = poll;
	return 0;

fail:
	free(poll->poll);
	free(poll->timer);
	free(poll);
	return err;
}

int obi_poll_start(struct obi_poll *poll)
{
	int err;

	if (poll->closed || poll->started)
		return 0;
	err = watch(poll);
	if (err)
		uv_timer_stop(poll->timer);
	else
		poll->started = 1;
	return err;
}

void obi_poll_stop(struct obi_poll *poll)
{
	if (poll->closed || !poll->started)
		return;
	poll->started = 0;
	uv_poll_stop(poll->poll);
	uv_timer_stop(poll->timer);
}

void obi_poll_close(struct obi_poll *poll)
{
	if (poll->closed)
		return;
	obi_poll_stop(poll);
	poll->closed = 1;
	uv_close((uv_handle_t *)poll->poll, on_closed);
	uv_close((uv_handle_t *)poll->timer, on_closed);
}
