package attack

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/packetmq/packetmq/codec"
)

// ends are the two ends of a TCP conn.
func ends(t *testing.T) (near *conn, far net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if far, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close(); far.Close() })
	return newConn(nc, nc.(*net.TCPConn)), far
}

// What a script says arrives whole, on each conn, though sockets take it in
// parts.
func TestPumpSaysAll(t *testing.T) {
	piece := bytes.Repeat([]byte("0123456789"), 100_000)
	var conns []*conn
	arrived := make(chan []byte, 3)
	for range cap(arrived) {
		near, far := ends(t)
		conns = append(conns, near)
		go func() {
			b, _ := io.ReadAll(far)
			arrived <- b
		}()
	}
	p, err := newPump(conns, times(said{[]byte("begin"), 1}, said{piece, 5}, said{nil, 0}, said{[]byte("end"), 2}))
	if err != nil {
		t.Fatal(err)
	}
	p.run(t.Context())
	want := slicesOf("begin", string(bytes.Repeat(piece, 5)), "endend")
	for _, c := range conns {
		c.Close()
	}
	for range conns {
		if got := <-arrived; !bytes.Equal(got, want) {
			t.Errorf("%d bytes arrived, want these %d", len(got), len(want))
		}
	}
	if p.written != int64(len(conns)*len(want)) || p.gone() != 0 {
		t.Errorf("written %d, gone %d", p.written, p.gone())
	}
}

func slicesOf(parts ...string) (b []byte) {
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// A conn that is closed at the other end ends the pump, one that does not read
// does not hold it up.
func TestPumpGoesOnWithout(t *testing.T) {
	stuck, _ := ends(t)
	ended, far := ends(t)
	far.Close()
	ctx, cancel := context.WithCancel(t.Context())
	p, err := newPump([]*conn{stuck, ended}, forever(make([]byte, 64<<10)))
	if err != nil {
		t.Fatal(err)
	}
	p.reads = true
	time.AfterFunc(100*time.Millisecond, cancel)
	p.run(ctx)
	if p.gone() != 1 || p.written == 0 {
		t.Errorf("%d of 2 are gone, %d bytes written", p.gone(), p.written)
	}
}

// The dear payload is within every limit.
func TestPairsAreLegal(t *testing.T) {
	if err := new(codec.Limits).Check(pairs()); err != nil {
		t.Error(err)
	}
}
