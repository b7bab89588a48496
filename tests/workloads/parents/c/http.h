/* SPDX-License-Identifier: Apache-2.0 */
/* As much HTTP/1.1 over blocking sockets as the middles need: GET without bodies in, Content-Length out. */
#ifndef PARENTS_HTTP_H
#define PARENTS_HTTP_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct question {
	char id[64];
	char order[8];
	int wait[2]; /* of the first and of the second call in the asked order */
	bool close;
};

static int leaf_ports[2];
static bool keepalive;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void pause_ms(int ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000L };

	while (ms > 0 && nanosleep(&time, &time) != 0)
		;
}

/* Reads until the end of a header block; the length read, 0 at the end of the connection. */
static ssize_t read_head(int fd, char *buffer, size_t size)
{
	size_t length = 0;

	while (length < size - 1) {
		ssize_t n = recv(fd, buffer + length, size - 1 - length, 0);

		if (n <= 0)
			return 0;
		length += n;
		buffer[length] = 0;
		if (strstr(buffer, "\r\n\r\n"))
			return length;
	}
	return 0;
}

static void send_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);

		if (n <= 0)
			return; /* the peer went: it reports that */
		bytes += n;
		length -= n;
	}
}

static void parameter(const char *head, const char *name, char *out, size_t size)
{
	const char *at = strstr(head, name);
	size_t length = at ? strcspn(at + strlen(name), "& \r") : 0;

	snprintf(out, size, "%.*s", (int)length, at ? at + strlen(name) : "");
}

static void parse(const char *head, struct question *q)
{
	char number[16];

	parameter(head, "id=", q->id, sizeof(q->id));
	parameter(head, "order=", q->order, sizeof(q->order));
	parameter(head, "t1=", number, sizeof(number));
	q->wait[0] = atoi(number);
	parameter(head, "t2=", number, sizeof(number));
	q->wait[1] = atoi(number);
	q->close = strcasestr(head, "\r\nconnection: close") != NULL;
}

static int connect_to(int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

/* Calls leaf `number` and puts its JSON into `out`. Kept connections belong to the thread. */
static void call(int number, int wait, const char *id, char *out, size_t size)
{
	static __thread int kept[2];
	char request[256], answer[2048];
	int length, *slot = &kept[number - 1], fd;
	size_t got, whole;
	char *body;

	pause_ms(wait);
	fd = keepalive && *slot ? *slot : connect_to(leaf_ports[number - 1]);
	length = snprintf(request, sizeof(request), "GET /leaf?id=%s&call=%d HTTP/1.1\r\nHost: leaf\r\n%s\r\n", id, number,
			  keepalive ? "" : "Connection: close\r\n");
	send_all(fd, request, length);
	got = read_head(fd, answer, sizeof(answer));
	body = got ? strstr(answer, "\r\n\r\n") + 4 : NULL;
	parameter(got ? answer : "", "content-length: ", request, sizeof(request));
	whole = body ? (body - answer) + atoi(request) : 0;
	while (got < whole && whole < sizeof(answer)) {
		ssize_t n = recv(fd, answer + got, whole - got, 0);

		if (n <= 0)
			break;
		got += n;
	}
	if (!got || got < whole)
		die("answer of a leaf");
	snprintf(out, size, "%.*s", (int)(whole - (body - answer)), body);
	*slot = keepalive ? fd : 0;
	if (!keepalive)
		close(fd);
}

static void answer(int fd, const struct question *q, const char *one, const char *two)
{
	char body[2048], all[4096];
	int length = snprintf(body, sizeof(body), "{\"id\":\"%s\",\"leaves\":[%s,%s]}", q->id, one, two);

	length = snprintf(all, sizeof(all), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s", length, q->close ? "Connection: close\r\n" : "", body);
	send_all(fd, all, length);
}

#endif
