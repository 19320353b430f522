package websocket

// Input in shares, pauses, and output that waits: the engine's bounds hold over a WebSocket.

import (
	"bytes"
	"errors"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
)

// More packets than a share, in frames of any size, come whole and in order.
func TestMoreThanAShare(t *testing.T) {
	s := serve(t, "ws", nil, skipping)
	const packets = 5000
	var stream []byte
	for i := range packets {
		stream = append(stream, packet(t, i, "one of many")...)
	}
	for name, size := range map[string]int{"a packet in a frame": len(stream) / packets, "7 bytes": 7, "1000 bytes": 1000, "one frame": len(stream)} {
		t.Run(name, func(t *testing.T) {
			c := s.speak(t)
			var frames []byte
			for rest := stream; len(rest) > 0; {
				n := min(size, len(rest))
				frames = append(frames, binaryMessage(rest[:n])...)
				if n%3 == 0 {
					frames = append(frames, frame(0x89, []byte("ping"))...)
				}
				rest = rest[n:]
			}
			go c.Write(frames)
			var got []byte
			for len(got) < len(stream) {
				if b0, payload := c.read(); b0 == 0x82 {
					got = append(got, payload...)
				}
			}
			if !bytes.Equal(got, stream) {
				t.Error("the echo differs")
			}
		})
	}
}

func TestPausedConn(t *testing.T) {
	s := serve(t, "ws", nil, skipping)
	c := s.speak(t)
	conn := next(t, "conn", s.made)
	c.wantEcho(1)
	<-s.notes
	conn.PauseRead()
	p := packet(t, 2, "waits")
	c.write(binaryMessage(p)[:9])
	c.write(binaryMessage(p)[9:])
	done := make(chan struct{})
	conn.Loop().Post(func() { close(done) })
	next(t, "turn", done)
	if len(s.notes) != 0 {
		t.Error("a paused conn has handled a note")
	}
	conn.ResumeRead()
	if got := c.readStream(len(p)); !bytes.Equal(got, p) {
		t.Errorf("got %x", got)
	}
}

// A client that does not read is ended as over TCP.
func TestSlowReader(t *testing.T) {
	s := serve(t, "ws", nil, func(c *peer.Config) {
		c.SkipHandshake = true
		c.Engine = &engine.Config{MaxPending: 1 << 20}
	})
	c := s.speak(t)
	conn := next(t, "conn", s.made)
	body := make([]byte, 100<<10)
	var err error
	for err == nil {
		err = peer.Send(conn, noted, &note{1, body})
	}
	if e := next(t, "end", s.lost); !errors.Is(e.reason, engine.ErrSlowConsumer) && !errors.Is(e.reason, engine.ErrBackpressure) {
		t.Errorf("OnLost was told %v after %v", e.reason, err)
	}
	c.Close()
}

// What waits for a slow client arrives when it reads again.
func TestBacklogArrives(t *testing.T) {
	s := serve(t, "ws", nil, func(c *peer.Config) {
		c.SkipHandshake = true
		c.Engine = &engine.Config{MaxPending: 64 << 20}
	})
	c := s.speak(t)
	conn := next(t, "conn", s.made)
	var want []byte
	for i := range 200 {
		body := bytes.Repeat([]byte{byte(i)}, i*1000)
		if err := peer.Send(conn, noted, &note{i, body}); err != nil {
			t.Fatal(err)
		}
		want = append(want, packet(t, i, string(body))...)
	}
	c.write(frame(0x89, []byte("while output waits")))
	await.True(t, "something waits", func() bool { return conn.Pending() > 1<<20 })
	var got []byte
	pong := false
	for len(got) < len(want) || !pong {
		b0, payload := c.read()
		switch b0 {
		case 0x82:
			got = append(got, payload...)
		case 0x8a:
			pong = string(payload) == "while output waits"
		}
	}
	if !bytes.Equal(got, want) {
		t.Error("what has arrived differs")
	}
}

// A payload that conns share is framed for each.
func TestBroadcast(t *testing.T) {
	s := serve(t, "ws", nil, skipping)
	var clients []*byHand
	for range 5 {
		clients = append(clients, s.speak(t))
		next(t, "conn", s.made)
	}
	body := bytes.Repeat([]byte("shared"), 20000)
	if err := peer.Broadcast(s, noted, &note{1, body}); err != nil {
		t.Fatal(err)
	}
	want := packet(t, 1, string(body))
	for _, c := range clients {
		if got := c.readStream(len(want)); !bytes.Equal(got, want) {
			t.Error("what has arrived differs")
		}
	}
}

// All that a callback sends leaves as one message.
func TestOneMessageForACallback(t *testing.T) {
	s := serve(t, "ws", nil, skipping)
	c := s.speak(t)
	conn := next(t, "conn", s.made)
	conn.Loop().Post(func() {
		for i := range 10 {
			peer.Reply(conn, noted, &note{i, nil})
		}
	})
	var want []byte
	for i := range 10 {
		want = append(want, (packet(t, i, ""))...)
	}
	b0, got := c.read()
	if b0 != 0x82 || len(got) != len(want)-10 { // a nil body is a byte less than an empty one
		t.Errorf("the first message has %d bytes, want %d", len(got), len(want)-10)
	}
}
