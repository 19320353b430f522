// limit is the yardstick: what a plain server which answers frames has to do.
// One thread, epoll, one read for whatever has arrived, and one write for the
// answers to all of it. A better one there is: send takes less than write, and
// so do the writes of several conns in a row.
//
//	limit [--listen 127.0.0.1:0] [--loops 1]
//
// With more loops there are as many threads, to which conns go in turn.
// It answers id 17 with id 18 and the same payload, prints "listening
// HOST:PORT", and ends on SIGTERM. There is no handshake, no check of the
// payload, no timeout and no bound on anything but the frame.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire.h"

enum { ROOM = 256 << 10, EVENTS = 256, MOST = 64 };

typedef struct {
	int fd;
	uint32_t kept, unsent; // bytes in partial and in pending
	uint8_t *partial;      // the start of a frame
	uint8_t *pending;      // answers that the socket did not take
} conn;

// A partial frame is put before what is read, so in is larger by one frame.
typedef struct {
	int poll;
	uint8_t in[HEADER + MAX_FRAME + ROOM];
} loop;

static loop loops[MOST];
static unsigned nloops = 1;
static int ln;

static void drop(conn *c)
{
	close(c->fd);
	free(c->partial);
	free(c->pending);
	free(c);
}

static void watch(loop *l, conn *c, uint32_t events, int op)
{
	struct epoll_event e = {.events = events, .data.ptr = c};
	if (epoll_ctl(l->poll, op, c->fd, &e))
		die("epoll_ctl: %s", strerror(errno));
}

// answer turns the whole frames of b into their answers, in place, and returns
// how many bytes they are, or -1.
static ssize_t answer(uint8_t *b, size_t n)
{
	size_t done = 0;
	while (n - done >= HEADER) {
		uint32_t length = get32(b + done);
		if (length < 2 || length > MAX_FRAME || get16(b + done + 4) != ECHO_ID)
			return -1;
		if (n - done < 4 + (size_t)length)
			break;
		put16(b + done + 4, REPLY_ID);
		done += 4 + length;
	}
	return done;
}

static bool keep(uint8_t **to, uint32_t *count, const uint8_t *b, size_t n)
{
	if (n == 0) {
		free(*to);
		*to = NULL;
	} else {
		*to = alloc(*to, n);
		memcpy(*to, b, n);
	}
	*count = n;
	return true;
}

// reply writes b; what the socket does not take waits, and nothing is read
// meanwhile.
static bool reply(loop *l, conn *c, const uint8_t *b, size_t n)
{
	ssize_t sent = n ? write(c->fd, b, n) : 0;
	if (sent < 0) {
		if (errno != EAGAIN)
			return false;
		sent = 0;
	}
	if ((size_t)sent < n) {
		keep(&c->pending, &c->unsent, b + sent, n - sent);
		watch(l, c, EPOLLOUT, EPOLL_CTL_MOD);
	}
	return true;
}

static bool readable(loop *l, conn *c)
{
	uint8_t *in = l->in;
	size_t kept = c->kept;
	if (kept)
		memcpy(in, c->partial, kept);
	ssize_t got = read(c->fd, in + kept, ROOM);
	if (got <= 0)
		return got < 0 && errno == EAGAIN;
	size_t n = kept + got;
	ssize_t done = answer(in, n);
	if (done < 0)
		return false;
	if (kept || (size_t)done < n)
		keep(&c->partial, &c->kept, in + done, n - done);
	return reply(l, c, in, done);
}

static bool writable(loop *l, conn *c)
{
	ssize_t sent = write(c->fd, c->pending, c->unsent);
	if (sent < 0)
		return errno == EAGAIN;
	c->unsent -= sent;
	memmove(c->pending, c->pending + sent, c->unsent);
	if (c->unsent == 0) {
		keep(&c->pending, &c->unsent, NULL, 0);
		watch(l, c, EPOLLIN, EPOLL_CTL_MOD);
	}
	return true;
}

static void take(void)
{
	static unsigned taken;
	int fd = accept4(ln, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	conn *c = alloc(NULL, sizeof *c);
	*c = (conn){.fd = fd};
	watch(&loops[taken++ % nloops], c, EPOLLIN, EPOLL_CTL_ADD);
}

static void listen_at(const char *addr)
{
	char host[64];
	unsigned port;
	struct sockaddr_in at = {.sin_family = AF_INET};
	if (sscanf(addr, "%63[^:]:%u", host, &port) != 2 || inet_pton(AF_INET, host, &at.sin_addr) != 1)
		die("--listen %s: want an IPv4 address and a port", addr);
	at.sin_port = htons(port);
	int on = 1;
	ln = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(ln, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	socklen_t size = sizeof at;
	if (bind(ln, (struct sockaddr *)&at, size) || listen(ln, 1024) || getsockname(ln, (struct sockaddr *)&at, &size))
		die("listen at %s: %s", addr, strerror(errno));
	printf("listening %s:%u\n", host, ntohs(at.sin_port));
	fflush(stdout);
}

static void *run(void *arg)
{
	loop *l = arg;
	struct epoll_event ready[EVENTS];
	for (;;) {
		int n = epoll_wait(l->poll, ready, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			conn *c = ready[i].data.ptr;
			if (!c)
				take();
			else if (!(c->unsent ? writable(l, c) : readable(l, c)))
				drop(c);
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const char *addr = "127.0.0.1:0";
	for (int i = 1; i < argc; i += 2)
		if (i + 1 < argc && !strcmp(argv[i], "--listen"))
			addr = argv[i + 1];
		else if (i + 1 < argc && !strcmp(argv[i], "--loops") && (nloops = atoi(argv[i + 1])) - 1 < MOST)
			;
		else
			die("usage: limit [--listen HOST:PORT] [--loops 1 to %d]", MOST);
	raise_nofile();
	for (unsigned i = 0; i < nloops; i++)
		loops[i].poll = epoll_create1(EPOLL_CLOEXEC);
	listen_at(addr);
	struct epoll_event accepting = {.events = EPOLLIN};
	epoll_ctl(loops[0].poll, EPOLL_CTL_ADD, ln, &accepting);
	for (unsigned i = 1; i < nloops; i++) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, run, &loops[i]))
			die("there is no thread to be had");
	}
	run(&loops[0]);
}
