// limit is the yardstick: the least that a server which answers frames can do.
// One thread, epoll, one read for whatever has arrived, and one write for the
// answers to all of it.
//
//	limit [--listen 127.0.0.1:0]
//
// It answers id 17 with id 18 and the same payload, prints "listening
// HOST:PORT", and ends on SIGTERM. There is no handshake, no check of the
// payload, no timeout and no bound on anything but the frame.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire.h"

enum { ROOM = 256 << 10, EVENTS = 256 };

typedef struct {
	int fd;
	uint32_t kept, unsent; // bytes in partial and in pending
	uint8_t *partial;      // the start of a frame
	uint8_t *pending;      // answers that the socket did not take
} conn;

// A partial frame is put before what is read, so in is larger by one frame.
static uint8_t in[HEADER + MAX_FRAME + ROOM];
static int poll;

static void drop(conn *c)
{
	close(c->fd);
	free(c->partial);
	free(c->pending);
	free(c);
}

static void watch(conn *c, uint32_t events, int op)
{
	struct epoll_event e = {.events = events, .data.ptr = c};
	if (epoll_ctl(poll, op, c->fd, &e))
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
static bool reply(conn *c, const uint8_t *b, size_t n)
{
	ssize_t sent = n ? write(c->fd, b, n) : 0;
	if (sent < 0) {
		if (errno != EAGAIN)
			return false;
		sent = 0;
	}
	if ((size_t)sent < n) {
		keep(&c->pending, &c->unsent, b + sent, n - sent);
		watch(c, EPOLLOUT, EPOLL_CTL_MOD);
	}
	return true;
}

static bool readable(conn *c)
{
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
	return reply(c, in, done);
}

static bool writable(conn *c)
{
	ssize_t sent = write(c->fd, c->pending, c->unsent);
	if (sent < 0)
		return errno == EAGAIN;
	c->unsent -= sent;
	memmove(c->pending, c->pending + sent, c->unsent);
	if (c->unsent == 0) {
		keep(&c->pending, &c->unsent, NULL, 0);
		watch(c, EPOLLIN, EPOLL_CTL_MOD);
	}
	return true;
}

static void take(int ln)
{
	int fd = accept4(ln, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	conn *c = alloc(NULL, sizeof *c);
	*c = (conn){.fd = fd};
	watch(c, EPOLLIN, EPOLL_CTL_ADD);
}

static int listen_at(const char *addr)
{
	char host[64];
	unsigned port;
	struct sockaddr_in at = {.sin_family = AF_INET};
	if (sscanf(addr, "%63[^:]:%u", host, &port) != 2 || inet_pton(AF_INET, host, &at.sin_addr) != 1)
		die("--listen %s: want an IPv4 address and a port", addr);
	at.sin_port = htons(port);
	int ln = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	setsockopt(ln, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	socklen_t size = sizeof at;
	if (bind(ln, (struct sockaddr *)&at, size) || listen(ln, 1024) || getsockname(ln, (struct sockaddr *)&at, &size))
		die("listen at %s: %s", addr, strerror(errno));
	printf("listening %s:%u\n", host, ntohs(at.sin_port));
	fflush(stdout);
	return ln;
}

int main(int argc, char **argv)
{
	const char *addr = "127.0.0.1:0";
	if (argc == 3 && !strcmp(argv[1], "--listen"))
		addr = argv[2];
	else if (argc != 1)
		die("usage: limit [--listen HOST:PORT]");
	raise_nofile();
	poll = epoll_create1(EPOLL_CLOEXEC);
	int ln = listen_at(addr);
	struct epoll_event accepting = {.events = EPOLLIN}, ready[EVENTS];
	if (epoll_ctl(poll, EPOLL_CTL_ADD, ln, &accepting))
		die("epoll_ctl: %s", strerror(errno));
	for (;;) {
		int n = epoll_wait(poll, ready, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			conn *c = ready[i].data.ptr;
			if (!c)
				take(ln);
			else if (!(c->unsent ? writable(c) : readable(c)))
				drop(c);
		}
	}
}
