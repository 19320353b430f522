package memconn_test

import (
	"io"
	"testing"

	"github.com/packetmq/packetmq/engine"
)

// meter is a transport that counts the bytes of another one.
type meter struct {
	engine.Transport
	in, out int
}

func (m *meter) Open(s engine.Sink) { m.Transport.Open(meterSink{s, m}) }

func (m *meter) Write(b *engine.Buffer) error {
	m.out += len(b.B)
	return m.Transport.Write(b)
}

type meterSink struct {
	engine.Sink
	m *meter
}

func (s meterSink) Received(b []byte) int {
	n := s.Sink.Received(b)
	s.m.in += n
	return n
}

func TestWrap(t *testing.T) {
	const total, chunk = 1 << 20, 1000
	everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
		var meters [2]*meter
		wrapTo := func(m **meter) func(*engine.Conn, engine.Transport) engine.Transport {
			return func(_ *engine.Conn, inner engine.Transport) engine.Transport {
				*m = &meter{Transport: inner}
				return *m
			}
		}
		var back pattern
		a := &side{
			wrap: wrapTo(&meters[0]),
			received: func(c *engine.Conn, b []byte) int {
				if back.check(b); int(back) >= total {
					c.Finish(patience)
				}
				return len(b)
			},
		}
		b := &side{
			wrap:     wrapTo(&meters[1]),
			received: func(c *engine.Conn, b []byte) int { return echo(c, b[:min(len(b), 300)]) },
		}
		at.connect(t, a, b)
		var sent pattern
		for int(sent) < total {
			a.Queue(sent.append(nil, chunk))
		}
		a.ends(t, "writer", nil)
		b.ends(t, "echo", io.EOF)
		at.close(t)
		for i, m := range meters {
			if m.out != int(sent) || m.in != int(sent) {
				t.Errorf("meter %d counted %d bytes in and %d out, want %d", i, m.in, m.out, sent)
			}
		}
	})
}
