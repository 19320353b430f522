// load keeps a server that answers frames busy, and checks every byte of every
// answer. One thread, epoll; one write for whatever is to be sent on a conn.
//
//	load --connect HOST:PORT [--conns 1] [--depth 1] [--size 64] [--duration 1s]
//	     [--warmup 100ms] [--rate N | --inflight N] [--handshake]
//	     [--websocket] [--pid PID]...
//
// A closed loop keeps --depth packets under way on each conn, or --inflight on
// all of them together, each next one on the next conn. An open loop sends
// --rate packets a second, conn after conn; its latency counts from when a
// packet was to be sent, also when it could not be. --depth 0 sends nothing.
// Payloads have --size bytes: a msgpack map of seq, ts and body. --handshake
// speaks packetmq's handshake first, as the side that adapts. --websocket does all
// of that in WebSocket: each packet is a binary message. Of each --pid it
// tells the CPU time that the process had while this measured.
//
// It connects all, warms up, prints "ready", waits for a line on standard
// input with the traffic going on, measures for --duration, prints one line of
// JSON, and ends: with 1 when there were errors, with 0 at the end of the
// input.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "histogram.h"
#include "wire.h"

enum {
	ROOM = 512 << 10,
	EVENTS = 128,
	PORTS = 20000,    // conns from one source address
	WINDOWS = 4093,   // different bodies; a prime, so that none falls on a buffer's size
	MOST_LATE = 1 << 20, // packets under way in an open loop, then it waits
};

static const uint64_t SECOND = 1000000000;

// The first seq. Numbers this large have one encoding, whoever encodes them.
static const uint64_t FIRST = 1ULL << 40;

typedef struct {
	int fd;
	bool queued;            // on the list of those with something to send
	uint32_t want;          // packets to be sent with the next write
	uint32_t kept, unsent;  // bytes in partial and in pending
	uint64_t sent, got;     // packets
	uint64_t *times;        // when each packet under way was sent, or was to be
	uint32_t room;          // in times, a power of two
	uint8_t *partial, *pending;
	uint64_t left;          // of a WebSocket's message that is being read
	uint8_t begun, start[10]; // what has come of its header
} conn;

static struct {
	struct sockaddr_in at;
	uint32_t conns, depth, size, inflight;
	double rate;
	uint64_t duration, warmup;
	bool handshake, websocket;
	clockid_t clocks[64]; // of the server's processes
	int nclocks;
} cfg = {.conns = 1, .depth = 1, .size = 64, .duration = 1000000000, .warmup = 100000000};

static conn *conns, **dirty;
static uint32_t ndirty, next_conn, alive;
static uint64_t under_way, errors, received;
static int poll;
static histogram latencies;
static bool measuring, draining;
static uint64_t window_start, window_end;

static uint8_t in[HEADER + MAX_FRAME + ROOM], *out;
static size_t out_room, frame; // frame is a packet's size without WebSocket
static size_t wire;            // and with it, as this side sends it

static uint64_t clock_of(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

static uint64_t now(void) { return clock_of(CLOCK_MONOTONIC); }

// ---- payloads

static uint8_t *bodies, head[64];
static uint32_t head_size, body_size;
enum { SEQ_AT = 1 + 4 + 1, TS_AT = SEQ_AT + 8 + 3 + 1, BODY_AT = TS_AT + 8 };

static void make_payloads(void)
{
	uint8_t *p = head;
	memcpy(p, "\x83\xa3seq\xcf--------\xa2ts\xcf--------\xa4" "body", BODY_AT + 5);
	p += BODY_AT + 5;
	uint32_t room = cfg.size - (p - head);
	if (cfg.size < BODY_AT + 5 + 2 || room - 2 <= 255) {
		body_size = room - 2;
		*p++ = 0xc4, *p++ = body_size;
	} else if (room - 3 <= 0xffff) {
		body_size = room - 3;
		*p++ = 0xc5, put16(p, body_size), p += 2;
	} else {
		body_size = room - 5;
		*p++ = 0xc6, put32(p, body_size), p += 4;
	}
	head_size = p - head;
	if (cfg.size < head_size || cfg.size > MAX_FRAME - 2 || (body_size == 255 && head[BODY_AT + 5] != 0xc4) ||
	    (body_size < 65536 && head[BODY_AT + 5] == 0xc6))
		die("--size %u: want %u to %u, and no size that msgpack cannot give", cfg.size, BODY_AT + 7, MAX_FRAME - 2);
	bodies = alloc(NULL, body_size + WINDOWS);
	uint64_t x = 88172645463325252ULL; // xorshift64
	for (uint32_t i = 0; i < body_size + WINDOWS; i++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		bodies[i] = x >> 32;
	}
}

static uint64_t ts_of(uint64_t seq) { return seq * 0x9e3779b97f4a7c15ULL | 1ULL << 63; }
static const uint8_t *body_of(uint64_t seq) { return bodies + seq % WINDOWS; }

static void put_payload(uint8_t *p, uint64_t seq)
{
	memcpy(p, head, head_size);
	put64(p + SEQ_AT, seq);
	put64(p + TS_AT, ts_of(seq));
	memcpy(p + head_size, body_of(seq), body_size);
}

// same_pairs compares when the map's pairs are in another order, as they may be
// behind a server that decodes into a map of its own.
static bool same_pairs(const uint8_t *p, const uint8_t *start, uint64_t seq)
{
	const uint32_t from[] = {1, SEQ_AT + 8, BODY_AT, head_size}; // of seq, ts, body, and its bytes
	unsigned seen = 0;
	if (*p++ != 0x83)
		return false;
	for (int pair = 0; pair < 3; pair++) {
		int k = p[0] == 0xa3 ? 0 : p[0] == 0xa2 ? 1 : 2;
		uint32_t n = from[k + 1] - from[k];
		if (seen & 1u << k || memcmp(p, start + from[k], n))
			return false;
		seen |= 1u << k;
		p += n;
		if (k == 2) {
			if (memcmp(p, body_of(seq), body_size))
				return false;
			p += body_size;
		}
	}
	return true;
}

static bool same_payload(const uint8_t *p, uint64_t seq)
{
	uint8_t start[sizeof head];
	memcpy(start, head, head_size);
	put64(start + SEQ_AT, seq);
	put64(start + TS_AT, ts_of(seq));
	if (!memcmp(p, start, head_size) && !memcmp(p + head_size, body_of(seq), body_size))
		return true;
	return same_pairs(p, start, seq);
}

// ---- sending

static void watch(conn *c, uint32_t events, int op)
{
	struct epoll_event e = {.events = events, .data.ptr = c};
	if (epoll_ctl(poll, op, c->fd, &e))
		die("epoll_ctl: %s", strerror(errno));
}

static void fail(conn *c, const char *why)
{
	if (errors++ < 3)
		fprintf(stderr, "load: conn %ld, packet %llu: %s\n", (long)(c - conns), (unsigned long long)c->got, why);
	under_way -= c->sent - c->got + c->want;
	close(c->fd);
	c->fd = -1;
	c->want = 0;
	alive--;
}

static void remember(conn *c, uint64_t when)
{
	uint64_t i = c->sent + c->want, held = i - c->got;
	if (held >= c->room) {
		uint32_t room = c->room ? 2 * c->room : 4;
		uint64_t *times = alloc(NULL, room * sizeof *times);
		for (uint64_t j = c->got; j < i; j++)
			times[j & (room - 1)] = c->times[j & (c->room - 1)];
		free(c->times);
		c->times = times, c->room = room;
	}
	c->times[i & (c->room - 1)] = when;
}

static void issue(conn *c, uint64_t when)
{
	if (c->fd < 0)
		return;
	remember(c, when);
	c->want++;
	under_way++;
	if (!c->queued) {
		c->queued = true;
		dirty[ndirty++] = c;
	}
}

static conn *rotate(void)
{
	conn *c = &conns[next_conn];
	next_conn = next_conn + 1 == cfg.conns ? 0 : next_conn + 1;
	return c;
}

// ---- WebSocket, without extensions

static const uint8_t KEY[4] = {0x37, 0xfa, 0x21, 0x3d};

// ws_head writes the header of a masked binary message of n bytes, and returns its size.
static size_t ws_head(uint8_t *b, size_t n)
{
	size_t size = 2;
	b[0] = 0x82;
	if (n <= 125) {
		b[1] = 0x80 | n;
	} else if (n <= 0xffff) {
		b[1] = 0x80 | 126, put16(b + 2, n), size = 4;
	} else {
		b[1] = 0x80 | 127, put64(b + 2, n), size = 10;
	}
	memcpy(b + size, KEY, sizeof KEY);
	return size + sizeof KEY;
}

static void ws_mask(uint8_t *b, size_t n)
{
	uint64_t k;
	size_t i = 0;
	memcpy(&k, KEY, 4), memcpy((uint8_t *)&k + 4, KEY, 4);
	for (; i + 8 <= n; i += 8) {
		uint64_t x;
		memcpy(&x, b + i, 8);
		x ^= k;
		memcpy(b + i, &x, 8);
	}
	for (; i < n; i++)
		b[i] ^= KEY[i % 4];
}

// ws_take moves the payload of what was read on c to the front of b, and returns how much
// that is, or -1 for what is no binary message of a server's.
static ssize_t ws_take(conn *c, uint8_t *b, size_t n)
{
	size_t to = 0;
	for (size_t i = 0; i < n;) {
		if (c->left) {
			size_t m = c->left < n - i ? c->left : n - i;
			if (to != i)
				memmove(b + to, b + i, m);
			to += m, i += m, c->left -= m;
			continue;
		}
		c->start[c->begun++] = b[i++];
		if (c->begun < 2)
			continue;
		uint32_t size = c->start[1] == 127 ? 10 : c->start[1] == 126 ? 4 : 2;
		if (c->begun < size)
			continue;
		if ((c->start[0] & 0x7f) > 2 || c->start[1] > 127)
			return -1;
		c->left = c->start[1];
		if (size == 4)
			c->left = get16(c->start + 2);
		else if (size == 10)
			c->left = get64(c->start + 2);
		c->begun = 0;
	}
	return to;
}

static void put_frames(conn *c, uint8_t *b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (cfg.websocket)
			b += ws_head(b, frame);
		put32(b, 2 + cfg.size);
		put16(b + 4, ECHO_ID);
		put_payload(b + HEADER, FIRST + c->sent++);
		if (cfg.websocket)
			ws_mask(b, frame);
		b += frame;
	}
}

// send_wanted writes all that is wanted, or puts it after what waits already.
static void send_wanted(conn *c)
{
	if (c->fd < 0 || c->want == 0)
		return;
	size_t n = c->want * wire;
	if (c->unsent) {
		c->pending = alloc(c->pending, c->unsent + n);
		put_frames(c, c->pending + c->unsent, c->want);
		c->unsent += n;
		c->want = 0;
		return;
	}
	if (n > out_room)
		out = alloc(out, out_room = n);
	put_frames(c, out, c->want);
	c->want = 0;
	ssize_t wrote = write(c->fd, out, n);
	if (wrote < 0) {
		if (errno != EAGAIN) {
			fail(c, strerror(errno));
			return;
		}
		wrote = 0;
	}
	if ((size_t)wrote < n) {
		c->unsent = n - wrote;
		c->pending = alloc(c->pending, c->unsent);
		memcpy(c->pending, out + wrote, c->unsent);
		watch(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
	}
}

static void flush(void)
{
	for (uint32_t i = 0; i < ndirty; i++) {
		dirty[i]->queued = false;
		send_wanted(dirty[i]);
	}
	ndirty = 0;
}

static void send_pending(conn *c)
{
	ssize_t wrote = write(c->fd, c->pending, c->unsent);
	if (wrote < 0) {
		if (errno != EAGAIN)
			fail(c, strerror(errno));
		return;
	}
	c->unsent -= wrote;
	memmove(c->pending, c->pending + wrote, c->unsent);
	if (c->unsent == 0)
		watch(c, EPOLLIN, EPOLL_CTL_MOD);
}

// ---- receiving

// note counts a reply. In an open loop the window is that of packets that are
// due, in a closed one that of replies.
static void note(conn *c, uint64_t t)
{
	if (!measuring)
		return;
	uint64_t when = c->times[c->got & (c->room - 1)];
	if (!draining)
		received++;
	if (!cfg.rate || (when >= window_start && when < window_end))
		record(&latencies, t > when ? t - when : 0);
}

// take reads whole replies from b, returns the bytes they are, or -1.
static ssize_t take(conn *c, const uint8_t *b, size_t n, uint64_t t)
{
	size_t done = 0;
	for (; n - done >= frame; done += frame) {
		const uint8_t *p = b + done;
		if (get32(p) != 2 + cfg.size || get16(p + 4) != REPLY_ID)
			return -1;
		if (c->got == c->sent || !same_payload(p + HEADER, FIRST + c->got))
			return -1;
		note(c, t);
		c->got++;
		under_way--;
		if (!cfg.rate)
			issue(cfg.inflight ? rotate() : c, t);
	}
	return done;
}

static void receive(conn *c)
{
	size_t kept = c->kept;
	if (kept)
		memcpy(in, c->partial, kept);
	ssize_t got = read(c->fd, in + kept, ROOM);
	if (got <= 0) {
		if (got == 0 || errno != EAGAIN)
			fail(c, got ? strerror(errno) : "the server has closed");
		return;
	}
	if (cfg.websocket && (got = ws_take(c, in + kept, got)) < 0) {
		fail(c, "no binary message");
		return;
	}
	size_t n = kept + got;
	ssize_t done = take(c, in, n, now());
	if (done < 0) {
		fail(c, "a wrong reply");
		return;
	}
	c->kept = n - done;
	if (c->kept) {
		if (!c->partial)
			c->partial = alloc(NULL, frame);
		memcpy(c->partial, in + done, c->kept);
	}
}

// ---- connecting

static const char PUBIDS[] =
	"\x82\xa5" "adapt\xc3\xa5" "idmap\x86"
	"\xb7packetmq:handshake_init\x00"
	"\xb1packetmq:softquit\x01"
	"\xb9packetmq:handshake_pubids\x02"
	"\xb9packetmq:handshake_finish\x03"
	"\xaa" "bench:echo\x11"
	"\xab" "bench:reply\x12";

static size_t put_packet(uint8_t *p, uint32_t id, const char *payload, size_t n)
{
	put32(p, 2 + n);
	put16(p + 4, id);
	memcpy(p + HEADER, payload, n);
	return HEADER + n;
}

static void read_fully(int fd, void *b, size_t n)
{
	ssize_t got = recv(fd, b, n, MSG_WAITALL);
	if (got != (ssize_t)n)
		die("load: no handshake: %s", got < 0 ? strerror(errno) : "the server has closed");
}

// read_stream is read_fully for what is in WebSocket if that is spoken.
static void read_stream(conn *c, int fd, uint8_t *b, size_t n)
{
	while (n && cfg.websocket) {
		uint8_t one[1];
		if (!c->left) {
			read_fully(fd, one, 1);
			if (ws_take(c, one, 1) < 0)
				die("load: no binary message in the handshake");
			continue;
		}
		size_t m = c->left < n ? c->left : n;
		read_fully(fd, b, m);
		b += m, n -= m, c->left -= m;
	}
	if (n)
		read_fully(fd, b, n);
}

// upgrade asks for WebSocket, and reads the answer.
static void upgrade(int fd)
{
	static const char ask[] = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
				  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
	char answer[1024];
	size_t n = 0;
	if (write(fd, ask, sizeof ask - 1) != sizeof ask - 1)
		die("load: upgrade: %s", strerror(errno));
	while (n < 4 || memcmp(answer + n - 4, "\r\n\r\n", 4)) {
		if (n == sizeof answer)
			die("load: the answer to the upgrade is too long");
		read_fully(fd, answer + n++, 1);
	}
	if (memcmp(answer, "HTTP/1.1 101", 12))
		die("load: no upgrade: %.*s", (int)n, answer);
}

// greet sends the whole handshake at once, and reads until the server's finish.
static void greet(conn *c, int fd)
{
	uint8_t b[512], *p = b;
	p += put_packet(p, 0, "\x81\xa7version\x01", 10);
	p += put_packet(p, 2, PUBIDS, sizeof PUBIDS - 1);
	p += put_packet(p, 3, "\xc0", 1);
	if (cfg.websocket) {
		uint8_t whole[600];
		size_t head_of = ws_head(whole, p - b);
		memcpy(whole + head_of, b, p - b);
		ws_mask(whole + head_of, p - b);
		p += head_of;
		memcpy(b, whole, p - b);
	}
	if (write(fd, b, p - b) != p - b)
		die("load: handshake: %s", strerror(errno));
	for (uint32_t id = 0; id != 3;) {
		read_stream(c, fd, in, HEADER);
		uint32_t n = get32(in);
		id = get16(in + 4);
		if (n < 2 || n > MAX_FRAME || id > 3)
			die("load: the handshake has a frame of %u bytes with id %u", n, id);
		read_stream(c, fd, in, n - 2);
		if (id == 1)
			die("load: the server ends the handshake: %.*s", (int)n - 2, in);
	}
}

static int dial(uint32_t i)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + (i / PORTS << 8))};
	struct timeval patience = {.tv_sec = 20};
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (fd < 0 || (i >= PORTS && bind(fd, (struct sockaddr *)&from, sizeof from)) ||
	    connect(fd, (struct sockaddr *)&cfg.at, sizeof cfg.at))
		die("load: conn %u: %s", i, strerror(errno));
	if (cfg.websocket)
		upgrade(fd);
	if (cfg.handshake)
		greet(&conns[i], fd);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void connect_all(void)
{
	conns = calloc(cfg.conns, sizeof *conns);
	dirty = alloc(NULL, cfg.conns * sizeof *dirty);
	for (uint32_t i = 0; i < cfg.conns; i++) {
		conns[i].fd = dial(i);
		watch(&conns[i], EPOLLIN, EPOLL_CTL_ADD);
		alive++;
	}
}

// ---- the loop

static uint64_t due_start, due_count;

static uint64_t due_at(uint64_t k) { return due_start + (uint64_t)(k * (1e9 / cfg.rate)); }

// issue_due sends what is due, and returns when the next is.
static uint64_t issue_due(uint64_t t)
{
	uint64_t due;
	while ((due = due_at(due_count)) <= t) {
		if (under_way >= MOST_LATE || !alive)
			return t + SECOND / 1000;
		issue(rotate(), due);
		due_count++;
	}
	flush();
	return due;
}

static void wait_until(uint64_t until)
{
	struct epoll_event ready[EVENTS];
	uint64_t t = now();
	uint64_t left = until > t ? until - t : 0;
	if (left < 20000 && cfg.rate) // a shorter sleep than that would end too late
		left = 0;
	struct timespec timeout = {left / SECOND, left % SECOND};
	int n = epoll_pwait2(poll, ready, EVENTS, &timeout, NULL);
	for (int i = 0; i < n; i++) {
		conn *c = ready[i].data.ptr;
		if (!c || c->fd < 0)
			continue;
		if (ready[i].events & EPOLLOUT && c->unsent)
			send_pending(c);
		if (c->fd >= 0 && ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			receive(c);
		flush();
	}
}

static void run_until(uint64_t end)
{
	uint64_t t;
	while ((t = now()) < end && alive) {
		uint64_t next = end;
		if (cfg.rate) {
			uint64_t due = issue_due(t);
			next = due < end ? due : end;
		}
		wait_until(next);
	}
}

static bool line_has_come(void)
{
	char b[64];
	ssize_t n = read(STDIN_FILENO, b, sizeof b);
	if (n == 0)
		exit(0);
	return n > 0;
}

static void start(void)
{
	if (cfg.rate) {
		due_start = now();
		return;
	}
	uint64_t t = now();
	if (cfg.inflight)
		for (uint32_t i = 0; i < cfg.inflight; i++)
			issue(rotate(), t);
	else
		for (uint32_t i = 0; i < cfg.conns * cfg.depth; i++)
			issue(&conns[i % cfg.conns], t);
	flush();
}

// drain waits for what was due in the window; what does not come counts with
// the age it has reached.
static void drain(void)
{
	uint64_t patience = now() + SECOND;
	while (under_way && alive && now() < patience)
		wait_until(patience);
	uint64_t t = now();
	for (uint32_t i = 0; i < cfg.conns; i++)
		for (conn *c = &conns[i]; c->got < c->sent; c->got++)
			note(c, t);
	while (due_at(due_count) < window_end)
		record(&latencies, t - due_at(due_count++));
}

static uint64_t server_clock(void)
{
	uint64_t sum = 0;
	for (int i = 0; i < cfg.nclocks; i++)
		sum += clock_of(cfg.clocks[i]);
	return sum;
}

static void measure(void)
{
	uint64_t server = server_clock(), cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID);
	window_start = now(), window_end = window_start + cfg.duration;
	measuring = true;
	run_until(window_end);
	uint64_t seconds = now() - window_start;
	cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	server = server_clock() - server;
	draining = true;
	if (cfg.rate)
		drain();
	printf("{\"packets\":%llu,\"seconds\":%.6f,\"errors\":%llu,\"cpu_ns\":%llu,\"server_cpu_ns\":%llu",
	       (unsigned long long)received, seconds / 1e9, (unsigned long long)errors, (unsigned long long)cpu,
	       (unsigned long long)server);
	const char *names[] = {"p50", "p90", "p99", "p999"};
	const double qs[] = {.5, .9, .99, .999};
	for (int i = 0; i < 4; i++)
		printf(",\"%s\":%llu", names[i], (unsigned long long)quantile(&latencies, qs[i]));
	printf(",\"max\":%llu,\"conns\":%u,\"rate\":%.0f}\n", (unsigned long long)latencies.max, cfg.conns, cfg.rate);
}

// ---- the command line

static uint64_t number(const char *flag, const char *s, uint64_t least, uint64_t most)
{
	char *end;
	errno = 0;
	unsigned long long n = strtoull(s, &end, 10);
	if (*end || end == s || errno || n < least || n > most)
		die("--%s %s: want %llu to %llu", flag, s, (unsigned long long)least, (unsigned long long)most);
	return n;
}

static uint64_t duration(const char *flag, const char *s)
{
	char *end;
	double n = strtod(s, &end);
	uint64_t unit = !strcmp(end, "ms") ? SECOND / 1000 : !strcmp(end, "s") ? SECOND : 0;
	if (end == s || !unit || n < 0 || n > 86400000)
		die("--%s %s: want such as 500ms or 1.5s", flag, s);
	return n * unit;
}

static void address(const char *s)
{
	char host[64];
	unsigned port;
	if (!strncmp(s, "tcp://", 6))
		s += 6;
	cfg.at.sin_family = AF_INET;
	if (sscanf(s, "%63[^:]:%u", host, &port) != 2 || inet_pton(AF_INET, host, &cfg.at.sin_addr) != 1)
		die("--connect %s: want an IPv4 address and a port", s);
	cfg.at.sin_port = htons(port);
}

static void add_clock(pid_t pid)
{
	if (cfg.nclocks == sizeof cfg.clocks / sizeof *cfg.clocks)
		die("--pid: too many");
	if (clock_getcpuclockid(pid, &cfg.clocks[cfg.nclocks++]))
		die("--pid %d: no such process", pid);
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{"connect", 1, 0, 'c'}, {"conns", 1, 0, 'n'},    {"depth", 1, 0, 'd'},    {"size", 1, 0, 's'},
		{"duration", 1, 0, 't'}, {"warmup", 1, 0, 'w'},  {"rate", 1, 0, 'r'},     {"inflight", 1, 0, 'i'},
		{"handshake", 0, 0, 'h'}, {"pid", 1, 0, 'p'},    {"websocket", 0, 0, 'W'}, {0, 0, 0, 0}};
	int which = 0;
	for (int o; (o = getopt_long(argc, argv, "", options, &which)) != -1;) {
		const char *flag = o == '?' ? "" : options[which].name;
		switch (o) {
		case 'c': address(optarg); break;
		case 'n': cfg.conns = number(flag, optarg, 1, 1000000); break;
		case 'd': cfg.depth = number(flag, optarg, 0, 1 << 16); break;
		case 's': cfg.size = number(flag, optarg, 0, MAX_FRAME); break;
		case 't': cfg.duration = duration(flag, optarg); break;
		case 'w': cfg.warmup = duration(flag, optarg); break;
		case 'r': cfg.rate = number(flag, optarg, 0, 100000000); break;
		case 'i': cfg.inflight = number(flag, optarg, 0, 1 << 20); break;
		case 'h': cfg.handshake = true; break;
		case 'W': cfg.websocket = true; break;
		case 'p': add_clock(number(flag, optarg, 1, 1 << 22)); break;
		default: exit(2);
		}
	}
	if (optind < argc)
		die("unexpected argument %s", argv[optind]);
	if (!cfg.at.sin_port)
		die("--connect is missing");
	if (cfg.rate && cfg.inflight)
		die("--rate and --inflight exclude each other");
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	raise_nofile();
	prctl(PR_SET_TIMERSLACK, 1);
	make_payloads();
	frame = HEADER + cfg.size;
	uint8_t longest[14];
	wire = frame + (cfg.websocket ? ws_head(longest, frame) : 0);
	poll = epoll_create1(EPOLL_CLOEXEC);
	connect_all();
	start();
	run_until(now() + cfg.warmup);
	puts("ready");
	fflush(stdout);
	struct epoll_event input = {.events = EPOLLIN};
	fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
	if (epoll_ctl(poll, EPOLL_CTL_ADD, STDIN_FILENO, &input) && errno != EPERM)
		die("load: standard input: %s", strerror(errno));
	while (!line_has_come())
		run_until(now() + SECOND / 100);
	epoll_ctl(poll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
	measure();
	return errors ? 1 : 0;
}
