package peer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// tape is a transport whose other side is the test: what that says is put in,
// and what this side says is kept.
type tape struct {
	t     *testing.T
	pool  *engine.Pool
	sink  engine.Sink
	in    []byte
	out   []byte
	eof   bool // the other side says no more
	deaf  bool // the other side takes no more, and this is noticed by writing
	ended bool // and this side was told
	fin   bool // this side says no more
	gone  bool
}

func (p *tape) Open(s engine.Sink) { p.sink = s }

func (p *tape) Pump() (more bool) {
	if len(p.in) > 0 {
		n := p.sink.Received(p.in)
		if n < 0 || n > len(p.in) {
			p.t.Fatalf("%d of %d bytes were used", n, len(p.in))
		}
		p.in = p.in[n:]
	}
	if len(p.in) == 0 && p.eof && !p.ended && !p.gone {
		p.ended = true
		p.sink.Ended(io.EOF)
	}
	return len(p.in) > 0 && !p.gone
}

func (p *tape) Write(b *engine.Buffer) error {
	if p.gone || p.fin {
		p.t.Errorf("%x was written after the end", b.B)
	}
	defer p.pool.Put(b)
	if p.deaf {
		return io.ErrClosedPipe
	}
	p.out = append(p.out, b.B...)
	return nil
}

func (p *tape) Buffered() int     { return 0 }
func (p *tape) CloseWrite() error { p.fin = true; return nil }

func (p *tape) Close() {
	if p.gone {
		p.t.Error("closed twice")
	}
	p.gone = true
}

// Bounds of the servers that are fuzzed: small, so that what goes over them
// stands out.
const (
	fuzzFrame  = 64 << 10
	fuzzBudget = 256 << 10
)

// fuzzSide is what a fuzzed conn belongs to: as a server, with all the targets
// of bombs, or adapting, and without them, as in the transcripts.
func fuzzSide(adapt bool) *side {
	s := newSide(adapt, 40, 41)
	s.reg = newRegistry(adapt)
	for i, name := range []string{"app:ping", "app:pong"} {
		if _, err := s.reg.AddObject(name, 17+i, nil); err != nil {
			panic(err)
		}
	}
	return s
}

// patient is one conn on a virtual reactor, with all that is to be seen of it.
type patient struct {
	t    *testing.T
	v    *engine.Virtual
	tape *tape
	c    *Conn
	made int
	lost int
	why  error
	got  int // packets
}

// newPatient opens a conn. The server is not of newSide, whose channel would
// fill up.
func newPatient(t *testing.T, adapt bool) *patient {
	log := slog.New(errorsOnly{tell: func(l slog.Record) {
		l.Attrs(func(a slog.Attr) bool { t.Logf("%s: %v", a.Key, a.Value); return true })
		t.Errorf("logged: %s", l.Message)
	}})
	p := &patient{t: t, v: engine.NewVirtual(&engine.Config{Logger: log})}
	s := fuzzSide(adapt)
	s.cfg = Config{
		Reactor: p.v.Reactor(),
		Logger:  log,
		Limits: Limits{
			MaxFrame: fuzzFrame,
			Payload:  codec.Limits{Budget: fuzzBudget},
		},
		Events: Events{
			OnMade: func(*Conn) { p.made++ },
			OnLost: func(_ *Conn, reason error) { p.lost++; p.why = reason },
		},
	}
	handled := func(*Conn) error {
		if p.got++; p.made != 1 || p.lost != 0 {
			t.Errorf("a packet is handled; the conn was made %d and lost %d times", p.made, p.lost)
		}
		return nil
	}
	var server *Server
	makeServer := func() *Server {
		server = NewServer(s.reg, &s.cfg)
		return server
	}
	if adapt {
		makeServer()
	} else {
		addTargets(s, makeServer, handled)
	}
	server.Untyped().HandleRaw("app:ping", func(c *Conn, b []byte) error {
		handled(c)
		return c.ReplyRaw(c.peer.reg.Table().Type(18), b)
	})
	server.Untyped().Handle("app:pong", func(c *Conn, v any) error {
		handled(c)
		return c.Untyped().Send("app:pong", v)
	})

	c, err := server.newConn()
	if err != nil {
		t.Fatal(err)
	}
	p.c = c
	p.tape = &tape{t: t, pool: p.v.Reactor().Buffers()}
	if err := p.v.Reactor().Attach(p.tape, &c.link, (*engineHandler)(c), nil); err != nil {
		t.Fatal(err)
	}
	p.settle()
	return p
}

func (p *patient) settle() {
	if !p.v.Settle(10000) {
		p.t.Fatal("the loop does not come to rest")
	}
}

// feed has the conn receive b.
func (p *patient) feed(b []byte) {
	if len(b) == 0 || p.tape.gone {
		return
	}
	p.tape.in = append(p.tape.in, b...)
	p.tape.sink.Wake(nil)
	p.settle()
}

// pass lets time go by.
func (p *patient) pass(d time.Duration) {
	p.v.Advance(d)
	p.settle()
}

// hangUp is the other side's end.
func (p *patient) hangUp() {
	if p.tape.gone {
		return
	}
	p.tape.eof = true
	p.tape.sink.Wake(nil)
	p.settle()
	if !p.tape.gone {
		p.t.Error("the conn goes on after the other side's end")
	}
}

// bury ends the reactor and looks at what has become of the conn.
func (p *patient) bury() {
	p.v.Close()
	t := p.t
	if p.lost != 1 || p.made > 1 {
		t.Errorf("the conn was made %d and lost %d times", p.made, p.lost)
	}
	if p.c.State() != Disconnected || !p.tape.gone {
		t.Errorf("at the end it is %v, its transport closed: %v", p.c.State(), p.tape.gone)
	}
	var panicked *engine.PanicError
	if errors.As(p.why, &panicked) {
		t.Errorf("panicked: %v\n%s", panicked.Value, panicked.Stack)
	}
	if n := p.v.Reactor().Buffers().Out(); n != 0 {
		t.Errorf("%d buffers are left", n)
	}
	if n := p.v.Reactor().Conns(); n != 0 {
		t.Errorf("%d conns are left", n)
	}
	if r := p.c.partialFrame; r != nil {
		t.Errorf("%d bytes of a frame are left", r.Buffered())
	}
	p.checkOutput()
}

// checkOutput looks whether this side speaks the protocol, whatever the other
// side did.
func (p *patient) checkOutput() {
	over := false
	for i, rest := 0, p.tape.out; len(rest) > 0; i++ {
		r := codec.Reader{Max: fuzzFrame}
		f, n, err := r.Next(rest)
		if f == nil || err != nil {
			p.t.Fatalf("%x was sent, which is no frame: %v", rest, err)
		}
		rest = rest[n:]
		if over {
			p.t.Errorf("packet %d was sent after the softquit", f.ID())
		}
		over = f.ID() == registry.IDSoftquit
		if (i == 0) != (f.ID() == registry.IDInit) {
			p.t.Errorf("packet %d was sent as number %d", f.ID(), i)
		}
	}
}

// worth is what a conn that was fed b may allocate, in bytes: itself and its
// peer; its frames, gathered and answered; and of each packet what it may
// decode to.
func worth(b []byte) uint64 {
	n := uint64(384<<10 + 16*len(b))
	for len(b) >= codec.HeaderSize {
		length := binary.BigEndian.Uint32(b)
		if length < codec.IDSize || length > fuzzFrame {
			break
		}
		n += 8<<10 + min(fuzzBudget, 4<<10*uint64(length))
		b = b[min(len(b), codec.LengthSize+int(length)):]
	}
	return n
}

// hello is another side's part of the handshake, and everything that follows.
func hello(adapt bool, frames ...[]byte) []byte {
	ids := []registry.Entry{
		{Name: registry.NameInit, ID: 0}, {Name: registry.NameSoftquit, ID: 1},
		{Name: registry.NamePubIDs, ID: 2}, {Name: registry.NameFinish, ID: 3},
		{Name: "app:ping", ID: 17}, {Name: "app:pong", ID: 18},
	}
	b := codec.AppendFrame(nil, registry.IDInit, initMsg{version: protocolVersion, maxFrame: fuzzFrame, beats: true}.append(nil))
	b = codec.AppendFrame(b, registry.IDPubIDs, pubIDsMsg{adapt: adapt, ids: ids}.append(nil))
	b = codec.AppendFrame(b, registry.IDFinish, []byte{0xc0})
	for _, f := range frames {
		b = append(b, f...)
	}
	return b
}

// smallBombs are those that are worth mutating: from large seeds a fuzzer makes
// few inputs.
func smallBombs() (small []bomb) {
	for _, b := range bombs(300) {
		if len(b.payload) < 2000 {
			small = append(small, b)
		}
	}
	return small
}

// FuzzConn feeds a conn from its first byte. The steps say how: each byte is a
// piece of so many bytes, or something else that happens; what is left when
// they are done comes in one piece. Their number says how it ends: by the other
// side, after that piece or together with it, or by the reactor.
func FuzzConn(f *testing.F) {
	for _, s := range readScenarios(f) {
		for _, byClient := range []bool{true, false} {
			var in []byte
			for _, frame := range s.sent(byClient) {
				in = codec.AppendFrame(in, frame.ID(), frame.Payload())
			}
			f.Add(in, []byte{}, !byClient)
			f.Add(in, []byte{1, 2, 3, 4, 5, 6, 7, 250, 251}, !byClient)
		}
	}
	for _, b := range smallBombs() {
		f.Add(hello(true, codec.AppendFrame(nil, b.id, b.payload)), []byte{}, false)
	}
	ping := codec.AppendFrame(nil, 17, []byte{0xc0})
	f.Add(hello(true, ping, ping), bytes.Repeat([]byte{1}, 300), false)
	f.Add(hello(true, ping, ping), []byte{240, 253, 10, 253, 254}, false)
	f.Add(hello(true, ping, ping), []byte{240, 252, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, false)
	f.Add(hello(true, bytes.Repeat(ping, 1000)), []byte{240, 254, 252}, false)
	f.Add(hello(false, ping), []byte{253, 255, 3}, true)
	pong := codec.AppendFrame(nil, 18, []byte{0x90})
	f.Add(hello(true, ping), []byte{1}, false)
	f.Add(hello(true, pong), []byte{1}, false)
	f.Add(hello(true, pong, ping, pong), []byte{1, 1}, false)
	f.Add(hello(true, ping, ping), []byte{199, 250}, false)
	f.Add(hello(true, ping, ping), []byte{199, 250, 252}, false)
	f.Add(hello(true, ping, ping), []byte{199, 254, 254, 250, 253}, false)
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), []byte{1, 1}, false)
	f.Add([]byte{}, []byte{0, 0, 0, 0, 0, 0}, false)

	f.Fuzz(func(t *testing.T, in, steps []byte, adapt bool) {
		if len(steps) > 1<<10 {
			steps = steps[:1<<10]
		}
		n := took(func() {
			p := newPatient(t, adapt)
			rest := in
			piece := func(n int) {
				n = min(n, len(rest))
				p.feed(rest[:n])
				rest = rest[n:]
			}
			for _, step := range steps {
				switch step {
				case 0:
					p.pass(time.Second)
				case 250:
					p.tape.deaf = true
				case 251:
					p.c.Untyped().RecvEncoded([]byte{0, 17, 0xc0})
				case 252:
					p.c.Untyped().Send("app:pong", int(step))
				case 253:
					p.c.Softquit("reason.bye")
				case 254:
					p.c.Untyped().SendEncoded([]byte{0, 18, 0xc0})
					continue // in one turn with what is next
				case 255:
					p.c.Abort(io.ErrUnexpectedEOF)
				default:
					if step >= 200 {
						piece(int(step-199) << 8)
					} else {
						piece(int(step))
					}
				}
				p.settle()
			}
			switch len(steps) % 3 {
			case 0:
				piece(len(rest))
				p.hangUp()
			case 1:
				p.tape.eof = true
				piece(len(rest))
				p.hangUp()
			case 2:
				piece(len(rest))
			}
			p.bury()
		})
		// What the steps send, and timers; heartbeats and answers are small.
		if most := worth(in) + 4<<10*uint64(len(steps)); n > most {
			t.Errorf("%d bytes allocated, want at most %d", n, most)
		}
	})
}

// FuzzDispatch feeds a packet, and whatever follows, to a conn that is active.
func FuzzDispatch(f *testing.F) {
	for _, s := range readScenarios(f) {
		for _, l := range s.lines {
			if l.frame != nil {
				f.Add(l.frame.ID(), []byte(l.frame.Payload()), []byte{})
			}
		}
	}
	for _, b := range smallBombs() {
		f.Add(b.id, b.payload, []byte{})
	}
	for id := uint16(idAny); id <= idOwn; id++ {
		f.Add(id, []byte{0xc0}, codec.AppendFrame(nil, id, []byte{0x90}))
	}
	f.Add(uint16(idChain), []byte("\x84\xa1N\x01\xa4Next\x81\xa4Kids\x92\xc0\x80\xa4Refs\x92\xc0\x81\xa3Any\x82\x01\x90\xa1a\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\xa4Dict\x81\xa1k\x81\xa1R\xc4\x01a"), []byte{})
	f.Add(uint16(idDated), []byte("\x82\xa1T\xd6\xff\x00\x00\x00\x01\xa1P\xd7\xff\x00\x00\x00\x00\x00\x00\x00\x01"), []byte{})
	f.Add(uint16(idKept), []byte("\x83\xa1V\x93\x01\x02\x03\xa1R\x81\x01\x90\xa1X\xd4\x01a"), []byte{})
	f.Add(uint16(idMixed), []byte("\x81\xa1M\x83\x01\x02\xa1a\xc3\xc4\x01b\x90"), []byte{})
	f.Add(uint16(registry.IDPing), []byte("\xcf12345678"), codec.AppendFrame(nil, registry.IDPong, []byte("\xcf12345678")))
	f.Add(uint16(99), []byte{}, bytes.Repeat([]byte{0, 0, 0, 2, 0, 99}, 17))

	f.Fuzz(func(t *testing.T, id uint16, payload, rest []byte) {
		in := append(codec.AppendFrame(nil, id, payload), rest...)
		n := took(func() {
			p := newPatient(t, false)
			p.feed(hello(true))
			if p.made != 1 || p.c.State() != Active {
				t.Fatalf("made %d times, %v", p.made, p.c.State())
			}
			p.feed(in)
			p.hangUp()
			p.bury()
		})
		if most := worth(in); n > most {
			t.Errorf("%d bytes allocated, want at most %d", n, most)
		}
	})
}
