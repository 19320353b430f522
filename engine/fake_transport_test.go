package engine

import "testing"

// fakeTransport is a transport that does nothing but what the test makes it do.
type fakeTransport struct {
	sink   Sink
	pool   *Pool
	stuck  bool // what is written stays
	held   int  // that
	wrote  []byte
	write  func()
	open   func()
	pump   func() bool // nil: no input
	close  func()
	fin    bool
	closed bool
}

func (p *fakeTransport) Open(s Sink) {
	p.sink = s
	if p.open != nil {
		p.open()
	}
}

func (p *fakeTransport) Pump() bool { return p.pump != nil && p.pump() }

func (p *fakeTransport) Write(b *Buffer) error {
	p.wrote = append(p.wrote, b.B...)
	if p.write != nil {
		p.write()
	}
	if p.stuck {
		p.held += len(b.B)
	}
	p.pool.Put(b)
	return nil
}

func (p *fakeTransport) Buffered() int { return p.held }

func (p *fakeTransport) CloseWrite() error {
	p.fin = true
	return nil
}

func (p *fakeTransport) Close() {
	p.closed = true
	if p.close != nil {
		p.close()
	}
}

// attachFake attaches a conn over p.
func attachFake(t *testing.T, r *Reactor, p *fakeTransport, h Handler) *Conn {
	t.Helper()
	p.pool = r.Buffers()
	c := new(Conn)
	if err := r.Attach(p, c, h, nil); err != nil {
		t.Fatal(err)
	}
	return c
}

// virtual is a virtual reactor until the test ends, which then looks for what
// is left.
func virtual(t *testing.T, cfg *Config) *Virtual {
	t.Helper()
	v := NewVirtual(cfg)
	t.Cleanup(func() {
		v.Close()
		if n, out := v.r.Conns(), v.r.Buffers().Out(); n != 0 || out != 0 {
			t.Errorf("%d conns are counted and %d buffers are out at the end", n, out)
		}
	})
	return v
}

// settle has v do all there is to do.
func settle(t *testing.T, v *Virtual) {
	t.Helper()
	if !v.Settle(1000) {
		t.Fatal("it does not settle")
	}
}
