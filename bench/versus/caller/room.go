package caller

// The load of servers that send one packet to all members of a room: many conns that read, and
// one that says what is to be sent.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Room is how the members of a room speak with a server.
type Room interface {
	// Payload returns a payload of a size that the server can send.
	Payload(size int) []byte

	// Join makes a conn that was just opened a member.
	Join(c *Socket) error

	// Greet makes a conn that was just opened one that can say. It may become a member too:
	// what it gets is not looked at.
	Greet(c *Socket) error

	// Say returns what a conn writes so that all members get the payload.
	Say(payload []byte) []byte

	// Next takes the first whole message from b, in which the server has sent the payload some
	// times, mostly once. length is 0 if b has none yet. The error says that it is something
	// else than the payload.
	Next(b, payload []byte) (length, times int, err error)
}

// crosser is a Room that spans nodes.
type crosser interface {
	// Crossed asks the node at the other end of c how many packets it has sent to other nodes.
	Crossed(c *Socket) (uint64, error)
}

// roomPatience is how long a member has to join, and what was said to arrive.
const roomPatience = 10 * time.Second

// Say has Config.Depth payloads under way to all of Config.Conns members: when the last member
// has one, the next is said. A packet of the result is a payload that one member has got, and
// its latency is the time from saying it until the last member has it.
//
// All members are read by one goroutine, which compares every byte and does nothing else.
func Say(ctx context.Context, cfg Config, room Room) (Result, error) {
	if err := cfg.check(); err != nil {
		return Result{}, err
	}
	if cfg.Depth < 1 {
		return Result{}, errors.New("caller: a room needs a depth of 1 at least")
	}
	m, err := gather(ctx, &cfg, room)
	defer m.close()
	if err != nil {
		return Result{}, err
	}
	if cfg.Warmup > 0 {
		if _, err := m.run(ctx, cfg.Warmup); err != nil {
			return Result{}, fmt.Errorf("caller: while warming up: %w", err)
		}
	}
	if cfg.Ready != nil {
		if err := cfg.Ready(); err != nil {
			return Result{}, err
		}
	}
	res, err := m.run(ctx, cfg.Duration)
	if err == nil && cfg.Done != nil {
		err = cfg.Done(&res)
	}
	return res, err
}

// members are the conns of one load.
type members struct {
	cfg     *Config
	room    Room
	poll    int
	all     []*member
	speaker *Socket
	counter *Socket // on which Crossed is asked; nil: it is not
	payload []byte
	say     []byte
	in      []byte // what is read into, after what was left of the last read
	ready   []unix.EpollEvent

	round *round
	said  int64
	left  []int   // members that have not got it, for each payload under way, by its number modulo depth
	at    []int64 // when it was said
	done  int64   // payloads that all members have
}

// member is a conn that reads.
type member struct {
	*Socket
	heard int64  // payloads
	rest  []byte // the beginning of a message
}

// speakerEvent and counterEvent stand for those conns where members have their number.
const (
	speakerEvent = -1
	counterEvent = -2
)

// gather connects the members and the speaker. What it returns is to be closed in any case.
func gather(ctx context.Context, cfg *Config, room Room) (*members, error) {
	const longestRead = 256 << 10
	m := &members{cfg: cfg, room: room, poll: -1, payload: room.Payload(cfg.Size), in: make([]byte, 2*longestRead), ready: make([]unix.EpollEvent, 256),
		left: make([]int, cfg.Depth), at: make([]int64, cfg.Depth)}
	m.say = room.Say(m.payload)
	var nodes []netip.AddrPort
	for _, addr := range strings.Split(cfg.Addr, ",") {
		at, err := netip.ParseAddrPort(addr)
		if err != nil {
			return m, fmt.Errorf("caller: %w", err)
		}
		nodes = append(nodes, at)
	}
	var err error
	if m.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return m, fmt.Errorf("caller: epoll: %w", err)
	}
	for i := range cfg.Conns {
		if ctx.Err() != nil {
			return m, ctx.Err()
		}
		s, err := m.open(nodes[i%len(nodes)], i, room.Join)
		if err != nil {
			return m, fmt.Errorf("caller: member %d: %w", i, err)
		}
		m.all = append(m.all, &member{Socket: s})
	}
	if m.speaker, err = m.open(nodes[0], speakerEvent, room.Greet); err != nil {
		return m, fmt.Errorf("caller: speaker: %w", err)
	}
	if _, ok := room.(crosser); ok {
		if m.counter, err = m.open(nodes[0], counterEvent, room.Greet); err != nil {
			return m, fmt.Errorf("caller: counter: %w", err)
		}
	}
	return m, nil
}

// open opens a conn, and watches it when it was greeted.
func (m *members) open(at netip.AddrPort, event int, greet func(*Socket) error) (*Socket, error) {
	s, err := dialSocket(at)
	if err != nil {
		return nil, err
	}
	if err = greet(s); err == nil && event != counterEvent { // which is read when it was asked
		err = unix.EpollCtl(m.poll, unix.EPOLL_CTL_ADD, s.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(event)})
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (m *members) close() {
	for _, c := range m.all {
		c.Close()
	}
	for _, c := range []*Socket{m.speaker, m.counter} {
		if c != nil {
			c.Close()
		}
	}
	if m.poll >= 0 {
		unix.Close(m.poll)
	}
}

// run has payloads under way for d, or until ctx is done, and waits for the last ones.
func (m *members) run(ctx context.Context, d time.Duration) (Result, error) {
	crossed, err := m.crossed()
	if err != nil {
		return Result{}, err
	}
	before, err := m.cfg.clocks()
	if err != nil {
		return Result{}, err
	}
	said := m.said
	m.round = newRound(m.cfg, nil)
	m.round.began = time.Now()
	for range m.cfg.Depth {
		if err := m.next(); err != nil {
			return Result{}, err
		}
	}
	moved := m.round.now()
	for m.done < m.said {
		done := m.done
		if err := m.wait(); err != nil {
			return Result{}, err
		}
		now := m.round.now()
		if m.done > done {
			moved = now
		}
		if now-moved > int64(roomPatience) {
			return Result{}, fmt.Errorf("caller: %d members wait for a payload", m.left[m.done%int64(m.cfg.Depth)])
		}
		for ctx.Err() == nil && now < int64(d) && m.said-m.done < int64(m.cfg.Depth) {
			if err := m.next(); err != nil {
				return Result{}, err
			}
		}
	}
	after, err := m.cfg.clocks() // while all conns are still up
	res := m.round.result(before, after)
	if err == nil {
		res.Crossed, err = m.crossed()
		res.Crossed -= crossed
		res.Said = uint64(m.said - said)
	}
	return res, err
}

// crossed is how many packets the speaker's node has sent to other nodes.
func (m *members) crossed() (uint64, error) {
	if m.counter == nil {
		return 0, nil
	}
	return m.room.(crosser).Crossed(m.counter)
}

// next says a payload.
func (m *members) next() error {
	i := m.said % int64(m.cfg.Depth)
	m.left[i], m.at[i] = len(m.all), m.round.now()
	m.said++
	_, err := m.speaker.Write(m.say)
	return err
}

// wait reads what has come.
func (m *members) wait() error {
	const look = 100 // ms, after which the caller looks whether it has waited for too long
	n, err := unix.EpollWait(m.poll, m.ready, look)
	if err == unix.EINTR {
		return nil
	}
	if err != nil {
		return fmt.Errorf("caller: epoll: %w", err)
	}
	for _, e := range m.ready[:n] {
		if e.Fd == speakerEvent {
			if _, err := m.speaker.Read(m.in); err != nil {
				return fmt.Errorf("caller: speaker: %w", err)
			}
			continue
		}
		if err := m.read(m.all[e.Fd]); err != nil {
			return fmt.Errorf("caller: member %d: %w", e.Fd, err)
		}
	}
	return nil
}

// read counts the payloads that have come to a member.
func (m *members) read(c *member) error {
	kept := copy(m.in, c.rest)
	n, err := c.Read(m.in[kept : kept+len(m.in)/2])
	if err != nil {
		return err
	}
	b := m.in[:kept+n]
	for len(b) > 0 {
		length, times, err := m.room.Next(b, m.payload)
		if err != nil {
			return err
		}
		if length == 0 {
			break
		}
		b = b[length:]
		for range times {
			m.heard(c)
		}
	}
	if len(b) > len(m.in)/2 {
		return errors.New("a message is too long")
	}
	c.rest = append(c.rest[:0], b...)
	return nil
}

// heard counts that a member has got the next payload.
func (m *members) heard(c *member) {
	i := c.heard % int64(m.cfg.Depth)
	c.heard++
	count, now := &m.round.counts[0], m.round.now()
	count.packets++
	count.last = now
	if m.left[i]--; m.left[i] == 0 {
		m.done++
		count.latency.RecordValue(min(max(now-m.at[i], 1), longest))
	}
}

// Socket is a TCP socket that the runtime's poller knows nothing of: that would be woken for
// each packet too. Reading waits for a bounded time.
type Socket struct{ fd int }

func dialSocket(at netip.AddrPort) (*Socket, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	patience := unix.NsecToTimeval(int64(roomPatience))
	err = errors.Join(
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &patience),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
	if err == nil {
		err = connect(fd, &unix.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())})
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &Socket{fd}, nil
}

// connect goes on where a signal of Go's runtime has interrupted it.
func connect(fd int, to unix.Sockaddr) error {
	err := unix.Connect(fd, to)
	for err == unix.EINTR {
		if err = unix.Connect(fd, to); err == unix.EISCONN {
			err = nil
		}
	}
	return err
}

// Read reads what there is, or waits for something.
func (s *Socket) Read(b []byte) (int, error) {
	n, err := unix.Read(s.fd, b)
	for err == unix.EINTR { // by a signal of Go's runtime
		n, err = unix.Read(s.fd, b)
	}
	if n == 0 && err == nil {
		err = io.EOF
	}
	return max(n, 0), err
}

// Write writes all of b.
func (s *Socket) Write(b []byte) (n int, err error) {
	for n < len(b) {
		wrote, err := unix.Write(s.fd, b[n:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return n, err
		}
		n += wrote
	}
	return n, nil
}

// Close closes the socket.
func (s *Socket) Close() error { return unix.Close(s.fd) }
