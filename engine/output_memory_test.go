package engine

import (
	"bytes"
	"net"
	"testing"
	"time"
)

// Whatever transport output waits in, and in however small pieces it was written, it takes
// little more memory than its bytes, all of that is counted, and the messages are.
func TestTinyOutputTakesLittleMemory(t *testing.T) {
	const messages, size = 50_000, 15
	for name, plugged := range map[string]func(t *testing.T, r *Reactor, h Handler){
		"a socket": func(t *testing.T, r *Reactor, h Handler) {
			ln, err := r.Listen("tcp", "127.0.0.1:0", func(net.Conn) (*Conn, Handler) { return new(Conn), h })
			if err != nil {
				t.Fatal(err)
			}
			dial(t, ln).(*net.TCPConn).SetReadBuffer(16 << 10) // which the kernel then leaves so
		},
		"an injected conn": func(t *testing.T, r *Reactor, h Handler) {
			ours, theirs := net.Pipe()
			t.Cleanup(func() { theirs.Close() })
			if err := r.Inject(ours, new(Conn), h); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, &Config{MaxPending: 64 << 20, SoftPending: 64 << 20})
			opened, ended := make(chan *Conn, 1), make(chan error, 1)
			h := &lengths{hooks{
				opened: func(c *Conn) { opened <- c },
				closed: func(_ *Conn, err error) { ended <- err },
			}}
			plugged(t, r, h)
			c := wait(t, "conn", opened)
			large := bytes.Repeat(message(10_000, 'l'), 10)
			for c.Pending() < 1<<20 { // more than what the kernel may take yet
				onLoop(t, r, func() {
					out := c.Out()
					out.B = append(out.B, large...)
					c.Commit(len(large))
				})
			}
			var before Unsent
			onLoop(t, r, func() { before = c.Waiting() })
			for range messages / 100 {
				onLoop(t, r, func() {
					for range 100 { // each in a write of its own
						out := c.Out()
						out.B = append(out.B, message(size, 't')...)
						c.flush()
					}
				})
			}
			onLoop(t, r, func() {
				now := c.Waiting()
				// Of the large ones before them the kernel may have taken some meanwhile.
				if got := now.Messages; got < messages || got > before.Messages+messages {
					t.Errorf("%d messages wait, want %d, and at most %d before them", got, messages, before.Messages)
				}
				if total := int(r.total.Load()); total < now.Bytes || total > now.Bytes*5/4+4*chunk {
					t.Errorf("%d bytes wait, and %d bytes of memory are counted", now.Bytes, total)
				}
				if most := now.Bytes*5/4 + 4*chunk; c.tr.(Keeper).Memory() > most {
					t.Errorf("%d bytes wait in %d bytes of memory", now.Bytes, c.tr.(Keeper).Memory())
				}
			})
			c.Abort(nil)
			wait(t, "the end", ended)
			if u := c.Unsent(); u.Messages < messages || u.Bytes < messages*size {
				t.Errorf("%+v are unsent, want the %d messages that waited at least", u, messages)
			}
			if n := r.total.Load(); n != 0 {
				t.Errorf("%d bytes are counted after the end", n)
			}
		})
	}
}

// A backlog of which nothing moves ends its conn, however small it is; one that moves does
// not.
func TestAStallEndsTheConn(t *testing.T) {
	v := NewVirtual(&Config{StallTime: time.Minute})
	defer v.Close()
	var ended []error
	p := &fakeTransport{stuck: true}
	c := attachFake(t, v.r, p, &hooks{closed: func(_ *Conn, err error) { ended = append(ended, err) }})
	settle(t, v)
	c.Queue(make([]byte, 100))
	settle(t, v)
	for range 50 { // two a minute: it moves
		v.Advance(30 * time.Second)
		p.held--
		settle(t, v)
		v.Advance(10 * time.Millisecond)
		settle(t, v)
	}
	if len(ended) > 0 {
		t.Fatalf("ended for %v, and it moved", ended)
	}
	for range 3 {
		v.Advance(61 * time.Second)
		settle(t, v)
	}
	if len(ended) != 1 || ended[0] != ErrSlowConsumer {
		t.Errorf("ended %v, want %v", ended, ErrSlowConsumer)
	}
}
