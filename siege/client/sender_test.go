package client

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"time"
)

// ends are the two ends of a TCP conn.
func ends(t *testing.T) (near *Conn, far net.Conn) {
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
	var conns []*Conn
	arrived := make(chan []byte, 3)
	for range cap(arrived) {
		near, far := ends(t)
		conns = append(conns, near)
		go func() {
			b, _ := io.ReadAll(far)
			arrived <- b
		}()
	}
	p, err := NewSender(conns, Say(Repeat([]byte("begin"), 1), Repeat(piece, 5), Repeat(nil, 0), Repeat([]byte("end"), 2)))
	if err != nil {
		t.Fatal(err)
	}
	p.Run(t.Context())
	want := slicesOf("begin", string(bytes.Repeat(piece, 5)), "endend")
	for _, c := range conns {
		c.Close()
	}
	for range conns {
		if got := <-arrived; !bytes.Equal(got, want) {
			t.Errorf("%d bytes arrived, want these %d", len(got), len(want))
		}
	}
	if p.Written != int64(len(conns)*len(want)) || p.Closed() != 0 {
		t.Errorf("written %d, gone %d", p.Written, p.Closed())
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
	p, err := NewSender([]*Conn{stuck, ended}, Forever(make([]byte, 64<<10)))
	if err != nil {
		t.Fatal(err)
	}
	p.Reads = true
	time.AfterFunc(100*time.Millisecond, cancel)
	p.Run(ctx)
	if p.Closed() != 1 || p.Written == 0 {
		t.Errorf("%d of 2 are gone, %d bytes written", p.Closed(), p.Written)
	}
}
