// SPDX-License-Identifier: Apache-2.0
/*
 * Times system calls of this process when told to: each line "OPERATION COUNT" on stdin is answered with the nanoseconds of CPU time that one operation took.
 * Listens on a TCP port of the loopback, so that it can be selected by it, and writes that port first.
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int zero, pair[2], tcp[2];

static int listener(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (fd < 0 || bind(fd, (void *)address, sizeof(*address)) || listen(fd, 1) || getsockname(fd, (void *)address, &size))
		err(1, "listen");
	return fd;
}

static void connect_pair(int listening, struct sockaddr_in *address)
{
	tcp[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (tcp[0] < 0 || connect(tcp[0], (void *)address, sizeof(*address)))
		err(1, "connect");
	tcp[1] = accept(listening, NULL, NULL);
	if (tcp[1] < 0)
		err(1, "accept");
}

static void through(const int *ends)
{
	char bytes[64] = "neither a request nor a response";

	if (write(ends[0], bytes, sizeof(bytes)) != sizeof(bytes) || read(ends[1], bytes, sizeof(bytes)) != sizeof(bytes))
		err(1, "transfer");
}

static void once(const char *operation)
{
	char byte;

	switch (operation[0]) {
	case 'g':
		syscall(SYS_getppid);
		break;
	case 'r':
		if (read(zero, &byte, 1) != 1)
			err(1, "read");
		break;
	case 'p':
		through(pair);
		break;
	case 't':
		through(tcp);
		break;
	default:
		errx(1, "unknown operation %s", operation);
	}
}

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(void)
{
	struct sockaddr_in address;
	char operation[16];
	long count;
	int listening = listener(&address);

	zero = open("/dev/zero", O_RDONLY);
	if (zero < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		err(1, "open");
	printf("listening %d\n", ntohs(address.sin_port));
	fflush(stdout);
	while (scanf("%15s %ld", operation, &count) == 2) {
		/* A connection of its own for each measurement: obi decides once per connection. */
		connect_pair(listening, &address);
		for (long i = 0; i < count / 10; i++)
			once(operation);
		double begin = cpu_ns();
		for (long i = 0; i < count; i++)
			once(operation);
		printf("took %.2f\n", (cpu_ns() - begin) / count);
		fflush(stdout);
		close(tcp[0]);
		close(tcp[1]);
	}
	return 0;
}
