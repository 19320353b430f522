// room is the least that a server can do for one packet to many conns: it writes the same
// bytes to each of them, with one write for all that has arrived at once.
//
//	room [--listen 127.0.0.1:0]
//
// A conn that sends a frame with the id JOIN gets it back, and is a member from then on. What
// another one sends with the id SAY is written to all members with the id HEARD. Members that
// do not read hold up all others.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire.h"

enum { EVENTS = 256, ROOM = 256 << 10, JOIN_ID = 17, SAY_ID, HEARD_ID };

typedef struct {
	int fd, member; // its place in members, or -1
	size_t kept;    // bytes of an unfinished frame
	uint8_t *partial;
} conn;

static conn **members;
static int count, poll_fd, ln;
static uint8_t in[ROOM + MAX_FRAME + 4];

static bool write_all(int fd, const uint8_t *b, size_t n)
{
	for (ssize_t wrote; n; b += wrote, n -= wrote)
		if ((wrote = write(fd, b, n)) < 0)
			return false;
	return true;
}

static void drop(conn *c)
{
	if (c->member >= 0) {
		members[c->member] = members[--count];
		members[c->member]->member = c->member;
	}
	close(c->fd);
	free(c->partial);
	free(c);
}

static bool join(conn *c, const uint8_t *frame, size_t n)
{
	if (c->member < 0) {
		members = alloc(members, (count + 1) * sizeof *members);
		members[c->member = count++] = c;
	}
	return write_all(c->fd, frame, n);
}

// say writes frames to all members. Who cannot be written to is dropped when it is read.
static void say(const uint8_t *frames, size_t n)
{
	for (int i = 0; i < count; i++)
		write_all(members[i]->fd, frames, n);
}

// take handles the whole frames at the beginning of b, and returns how long they are, or -1.
static ssize_t take(conn *c, uint8_t *b, size_t n)
{
	size_t done = 0, said = 0; // frames that were not said yet begin at said
	while (n - done >= HEADER) {
		uint32_t length = get32(b + done), id = get16(b + done + 4);
		if (length < 2 || length > MAX_FRAME || (id != JOIN_ID && id != SAY_ID))
			return -1;
		if (n - done < 4 + (size_t)length)
			break;
		if (id == SAY_ID) {
			put16(b + done + 4, HEARD_ID);
		} else {
			say(b + said, done - said);
			if (!join(c, b + done, 4 + length))
				return -1;
			said = done + 4 + length;
		}
		done += 4 + length;
	}
	if (done > said)
		say(b + said, done - said);
	return done;
}

static bool readable(conn *c)
{
	if (c->kept)
		memcpy(in, c->partial, c->kept);
	ssize_t got = read(c->fd, in + c->kept, ROOM);
	if (got <= 0)
		return false;
	size_t n = c->kept + got;
	ssize_t done = take(c, in, n);
	if (done < 0)
		return false;
	c->kept = n - done;
	if (c->kept) {
		c->partial = alloc(c->partial, c->kept);
		memcpy(c->partial, in + done, c->kept);
	}
	return true;
}

static void watch(int fd, void *what)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = what};
	if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &e))
		die("room: epoll: %s", strerror(errno));
}

static void listen_at(const char *addr)
{
	char host[64];
	unsigned port;
	struct sockaddr_in at = {.sin_family = AF_INET};
	if (sscanf(addr, "%63[^:]:%u", host, &port) != 2 || inet_pton(AF_INET, host, &at.sin_addr) != 1)
		die("--listen %s: want an IPv4 address and a port", addr);
	at.sin_port = htons(port);
	ln = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof at;
	if (bind(ln, (struct sockaddr *)&at, size) || listen(ln, 1024) || getsockname(ln, (struct sockaddr *)&at, &size))
		die("listen at %s: %s", addr, strerror(errno));
	printf("listening %s:%u\n", host, ntohs(at.sin_port));
	fflush(stdout);
}

static void take_conn(void)
{
	int fd = accept4(ln, NULL, NULL, SOCK_CLOEXEC), on = 1;
	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	conn *c = alloc(NULL, sizeof *c);
	*c = (conn){.fd = fd, .member = -1};
	watch(fd, c);
}

int main(int argc, char **argv)
{
	struct epoll_event ready[EVENTS];
	if (argc != 1 && (argc != 3 || strcmp(argv[1], "--listen")))
		die("usage: room [--listen HOST:PORT]");
	raise_nofile();
	poll_fd = epoll_create1(EPOLL_CLOEXEC);
	listen_at(argc == 3 ? argv[2] : "127.0.0.1:0");
	watch(ln, NULL);
	for (;;) {
		int n = epoll_wait(poll_fd, ready, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			conn *c = ready[i].data.ptr;
			if (!c)
				take_conn();
			else if (!readable(c))
				drop(c);
		}
	}
}
