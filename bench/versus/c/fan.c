// fan is the yardstick for one packet to many conns: it writes the same frame
// to each of many sockets, again and again, and tells the CPU time of a write.
//
//	fan [--conns 1000] [--size 64] [--duration 1s]
//
// The sockets are TCP over loopback. A child reads what arrives; its time does
// not count. It prints one line of JSON.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

enum { EVENTS = 256, ROOM = 256 << 10 };

static uint64_t clock_of(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static struct sockaddr_in at = {.sin_family = AF_INET};

static int listen_here(void)
{
	int ln = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t size = sizeof at;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(ln, (struct sockaddr *)&at, size) || listen(ln, 1024) || getsockname(ln, (struct sockaddr *)&at, &size))
		die("fan: listen: %s", strerror(errno));
	return ln;
}

// swallow connects all and reads until the other end closes them.
__attribute__((noreturn)) static void swallow(int conns)
{
	static uint8_t b[ROOM];
	struct epoll_event ready[EVENTS];
	int poll = epoll_create1(0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < conns; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
		if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) || epoll_ctl(poll, EPOLL_CTL_ADD, fd, &e))
			die("fan: conn %d: %s", i, strerror(errno));
	}
	while (conns > 0) {
		int n = epoll_wait(poll, ready, EVENTS, -1);
		for (int i = 0; i < n; i++)
			if (read(ready[i].data.fd, b, sizeof b) <= 0) {
				close(ready[i].data.fd);
				conns--;
			}
	}
	_exit(0);
}

static void write_all(int fd, const uint8_t *b, size_t n)
{
	for (ssize_t wrote; n; b += wrote, n -= wrote)
		if ((wrote = write(fd, b, n)) < 0)
			die("fan: write: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"conns", 1, 0, 'n'}, {"size", 1, 0, 's'}, {"duration", 1, 0, 't'}, {0, 0, 0, 0}};
	int conns = 1000, size = 64;
	double seconds = 1;
	for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		char *unit = "";
		switch (o) {
		case 'n': conns = atoi(optarg); break;
		case 's': size = atoi(optarg); break;
		case 't':
			seconds = strtod(optarg, &unit);
			if (!strcmp(unit, "ms"))
				seconds /= 1000;
			else if (strcmp(unit, "s"))
				die("--duration %s: want such as 500ms or 1.5s", optarg);
			break;
		default: return 2;
		}
	}
	if (conns < 1 || size < 0 || size > MAX_FRAME - 2 || seconds <= 0)
		die("usage: fan [--conns 1000] [--size 64] [--duration 1s]");
	raise_nofile();
	int ln = listen_here(), *fds = alloc(NULL, conns * sizeof *fds), on = 1;
	pid_t child = fork();
	if (child == 0)
		swallow(conns);
	for (int i = 0; i < conns; i++) {
		if (child < 0 || (fds[i] = accept(ln, NULL, NULL)) < 0)
			die("fan: %s", strerror(errno));
		setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	}
	size_t n = HEADER + size;
	uint8_t *frame = alloc(NULL, n);
	memset(frame, 'x', n);
	put32(frame, 2 + size);
	put16(frame + 4, REPLY_ID);
	uint64_t writes = 0, cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID);
	uint64_t began = clock_of(CLOCK_MONOTONIC), end = began + (uint64_t)(seconds * 1e9), t;
	do {
		for (int i = 0; i < conns; i++)
			write_all(fds[i], frame, n);
		writes += conns;
	} while ((t = clock_of(CLOCK_MONOTONIC)) < end);
	cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	printf("{\"writes\":%llu,\"conns\":%d,\"seconds\":%.6f,\"cpu_ns\":%llu,\"ns_per_write\":%.1f}\n",
	       (unsigned long long)writes, conns, (t - began) / 1e9, (unsigned long long)cpu, (double)cpu / writes);
	for (int i = 0; i < conns; i++)
		close(fds[i]);
	return waitpid(child, NULL, 0) == child ? 0 : 1;
}
