package peer

import (
	"net"
	"testing"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// The part of a frame whose rest has not come is unread, until it has.
func TestUnreadPartOfAFrame(t *testing.T) {
	reg := registry.New()
	noted := registry.MustAdd[string](reg, "test:note", 40)
	made := make(chan *Conn, 1)
	srv := NewServer(reg, &Config{Identity: Identity{SkipHandshake: true}, Events: Events{OnMade: func(c *Conn) { made <- c }}})
	got := make(chan string, 1)
	Handle(srv, noted, func(_ *Conn, v *string) error { got <- *v; return nil })
	ln := open(t, srv)
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	var m codec.Msgpack
	text := string(make([]byte, 1000))
	payload, err := m.Append(nil, &text)
	if err != nil {
		t.Fatal(err)
	}
	frame := codec.AppendFrame(nil, 40, payload)
	nc.Write(frame[:600])
	c := wait(t, "conn", made)
	unread := func() (n int) {
		onLoop(t, c, func() { n = c.Unread() })
		return n
	}
	eventually(t, "part of a frame", func() bool { return unread() >= 600 })
	nc.Write(frame[600:])
	if v := wait(t, "packet", got); v != text {
		t.Errorf("got %d bytes", len(v))
	}
	if n := unread(); n != 0 {
		t.Errorf("%d bytes are unread after all were handled", n)
	}
	if c.Transport() != "tcp" {
		t.Errorf("the transport is %q", c.Transport())
	}
	if age := c.Age(); age < 0 || age > patience {
		t.Errorf("the conn is %v old", age)
	}
	if (*Conn)(nil).Age() != 0 {
		t.Error("a conn that is none has an age")
	}
}
