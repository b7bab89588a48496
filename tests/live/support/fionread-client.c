// SPDX-License-Identifier: Apache-2.0
/* Asks FIONREAD until there is something to read, 3 s at most. usage: client first|answer|early|hasty PORT ROUNDS; prints "asked waited-ms read" */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 3000

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void send_all(int fd, const char *bytes, size_t n)
{
	for (size_t sent = 0; sent < n;) {
		ssize_t more = send(fd, bytes + sent, n - sent, MSG_NOSIGNAL);

		if (more <= 0)
			die("send");
		sent += more;
	}
}

/* Asks, then reads `expected` bytes, as far as they come. */
static void ask_and_read(int fd, int expected)
{
	static char buffer[65536];
	long begin = now_ms();
	int asked = 0, total = 0;

	while (!asked && now_ms() - begin < PATIENCE_MS) {
		if (ioctl(fd, FIONREAD, &asked))
			die("ioctl");
		if (!asked)
			usleep(200);
	}
	printf("%d %ld", asked, now_ms() - begin);
	while (total < expected) {
		struct pollfd waits = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (poll(&waits, 1, PATIENCE_MS) != 1)
			break;
		n = recv(fd, buffer, sizeof(buffer), 0);
		if (n <= 0)
			break;
		total += n;
	}
	printf(" %d\n", total);
}

#define HEAD "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
#define POST "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n"
#define ANSWER (4096 + (int)sizeof("HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\n") - 1)

int main(int argc, char **argv)
{
	struct sockaddr_in server = { .sin_family = AF_INET };
	static char body[1000];

	if (argc != 4)
		return 2;
	server.sin_port = htons(atoi(argv[2]));
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	memset(body, 'b', sizeof(body));
	for (int round = 0; round < atoi(argv[3]); round++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof(server)))
			die("connect");
		if (!strcmp(argv[1], "first")) {
			ask_and_read(fd, 4096);
		} else if (!strcmp(argv[1], "answer")) {
			for (int n = 0; n < 3; n++) {
				send_all(fd, HEAD, strlen(HEAD));
				ask_and_read(fd, ANSWER);
			}
		} else if (!strcmp(argv[1], "hasty")) {
			send_all(fd, HEAD, strlen(HEAD) / 2);
			ask_and_read(fd, ANSWER);
		} else {
			send_all(fd, POST, strlen(POST));
			send_all(fd, body, sizeof(body));
			ask_and_read(fd, ANSWER);
		}
		close(fd);
	}
	return 0;
}
