/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Middles in C. MODE says who reads a request and who calls downstream for it:
 *   thread   one thread per connection does all
 *   pool     the main thread accepts, a pool's thread serves the connection to its end
 *   ready    the main thread waits in epoll, a pool's thread reads one request and serves it
 *   hand-off the main thread waits in epoll and reads, a pool's thread serves what was read
 * PARALLEL=pool gives the second of two parallel calls to another pool; else to a new thread.
 */

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include "http.h"

struct task {
	struct task *next;
	void (*run)(struct task *);
	int fd;
	struct question q;
	/* A call: */
	int number, wait;
	char out[1024];
	bool done;
	pthread_mutex_t lock;
	pthread_cond_t ended;
};

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct task *first, **last;
};

static struct queue requests = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, &requests.first };
static struct queue calls = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, &calls.first };
static int events = -1, threads;
static bool call_pool;

static void put(struct queue *queue, struct task *task)
{
	task->next = NULL;
	pthread_mutex_lock(&queue->lock);
	*queue->last = task;
	queue->last = &task->next;
	pthread_cond_signal(&queue->filled);
	pthread_mutex_unlock(&queue->lock);
}

static void *work(void *argument)
{
	struct queue *queue = argument;

	for (;;) {
		struct task *task;

		pthread_mutex_lock(&queue->lock);
		while (!queue->first)
			pthread_cond_wait(&queue->filled, &queue->lock);
		task = queue->first;
		queue->first = task->next;
		if (!queue->first)
			queue->last = &queue->first;
		pthread_mutex_unlock(&queue->lock);
		task->run(task);
	}
	return NULL;
}

static void start(void *(*function)(void *), void *argument)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, function, argument) != 0)
		die("pthread_create");
	pthread_detach(thread);
}

static void run_call(struct task *task)
{
	call(task->number, task->wait, task->q.id, task->out, sizeof(task->out));
	pthread_mutex_lock(&task->lock);
	task->done = true;
	pthread_cond_signal(&task->ended);
	pthread_mutex_unlock(&task->lock);
}

static void *run_call_thread(void *task)
{
	run_call(task);
	return NULL;
}

static void serve(int fd, const struct question *q)
{
	const char *digits = q->order + (q->order[0] == 'p');
	int first = digits[0] - '0', second = digits[1] - '0';
	char one[1024];

	if (q->order[0] == 'p') {
		struct task other = { .run = run_call, .q = *q, .number = second, .wait = q->wait[1], .lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER };

		if (call_pool)
			put(&calls, &other);
		else
			start(run_call_thread, &other);
		call(first, q->wait[0], q->id, one, sizeof(one));
		pthread_mutex_lock(&other.lock);
		while (!other.done)
			pthread_cond_wait(&other.ended, &other.lock);
		pthread_mutex_unlock(&other.lock);
		answer(fd, q, one, other.out);
	} else {
		char two[1024];

		call(first, q->wait[0], q->id, one, sizeof(one));
		call(second, q->wait[1], q->id, two, sizeof(two));
		answer(fd, q, one, two);
	}
}

/* Reads one request; false at the end of the connection. */
static bool next_question(int fd, struct question *q)
{
	char head[2048];

	if (!read_head(fd, head, sizeof(head)))
		return false;
	parse(head, q);
	return true;
}

static void run_connection(struct task *task)
{
	while (next_question(task->fd, &task->q)) {
		serve(task->fd, &task->q);
		if (task->q.close)
			break;
	}
	close(task->fd);
	free(task);
}

static void *run_connection_thread(void *task)
{
	run_connection(task);
	return NULL;
}

static void wait_again(struct task *task)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT, .data.ptr = task };

	if (epoll_ctl(events, EPOLL_CTL_MOD, task->fd, &event) != 0)
		die("epoll_ctl");
}

static void run_read(struct task *task)
{
	serve(task->fd, &task->q);
	wait_again(task);
}

static void run_ready(struct task *task)
{
	if (next_question(task->fd, &task->q))
		return run_read(task);
	close(task->fd);
	free(task);
}

static void dispatch(int listener, bool reads)
{
	struct epoll_event event = { .events = EPOLLIN }, ready[64];

	events = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(events, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		int count = epoll_wait(events, ready, 64, -1);

		for (int n = 0; n < count; n++) {
			struct task *task = ready[n].data.ptr;

			if (!task) {
				task = calloc(1, sizeof(*task));
				task->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
				task->run = reads ? run_read : run_ready;
				event = (struct epoll_event){ .events = EPOLLIN | EPOLLONESHOT, .data.ptr = task };
				epoll_ctl(events, EPOLL_CTL_ADD, task->fd, &event);
			} else if (!reads || next_question(task->fd, &task->q)) {
				put(&requests, task);
			} else {
				close(task->fd);
				free(task);
			}
		}
	}
}

static int number_of(const char *name, int fallback)
{
	return getenv(name) ? atoi(getenv(name)) : fallback;
}

int main(void)
{
	const char *mode = getenv("MODE") ?: "thread", *parallel = getenv("PARALLEL") ?: "", *leaves = getenv("LEAVES") ?: "";
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(number_of("PORT", 0)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	socklen_t size = sizeof(at);

	if (sscanf(leaves, "http://%*[^:]:%d,http://%*[^:]:%d", &leaf_ports[0], &leaf_ports[1]) != 2)
		die("LEAVES");
	keepalive = number_of("KEEPALIVE", 0);
	threads = number_of("THREADS", 16);
	call_pool = strcmp(parallel, "pool") == 0;
	signal(SIGPIPE, SIG_IGN);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(listener, 1024) != 0 || getsockname(listener, (struct sockaddr *)&at, &size) != 0)
		die("listen");
	for (int n = 0; n < threads; n++) {
		if (call_pool)
			start(work, &calls);
		if (strcmp(mode, "thread") != 0)
			start(work, &requests);
	}
	printf("listening %d\n", ntohs(at.sin_port));
	fflush(stdout);
	if (strcmp(mode, "ready") == 0 || strcmp(mode, "hand-off") == 0)
		dispatch(listener, strcmp(mode, "hand-off") == 0);
	for (;;) {
		struct task *task = calloc(1, sizeof(*task));

		task->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		task->run = run_connection;
		if (strcmp(mode, "pool") == 0)
			put(&requests, task);
		else
			start(run_connection_thread, task);
	}
}
