package remote

// tap: a transport that shows the frames that come, under the conn that they are for.

import (
	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
)

// tap is a transport around another. It does nothing but to show what comes.
type tap struct {
	engine.Transport
	sink *tapSink
}

// tapSink is the Sink of the transport within. All of it is for the loop.
type tapSink struct {
	engine.Sink
	frames codec.Reader
	see    func(f codec.Frame) // called with each frame before the conn has it; f is valid during the call
	seen   int                 // bytes that were shown and that the conn has not taken yet
	broken bool                // the input is no frames
}

// newTap puts a tap around inner.
func newTap(inner engine.Transport, see func(f codec.Frame)) *tap {
	return &tap{inner, &tapSink{see: see}}
}

// Open implements engine.Transport.
func (t *tap) Open(s engine.Sink) {
	t.sink.Sink = s
	t.Transport.Open(t.sink)
}

// Received implements engine.Sink. What the conn does not take comes again.
func (s *tapSink) Received(b []byte) int {
	if s.seen < len(b) && !s.broken {
		fresh := b[s.seen:]
		s.show(fresh)
		s.seen = len(b)
	}
	n := s.Sink.Received(b)
	s.seen = max(s.seen-n, 0)
	return n
}

// show calls see with the frames in b.
func (s *tapSink) show(b []byte) {
	for len(b) > 0 {
		f, n, err := s.frames.Next(b)
		if err != nil {
			s.broken = true
			return
		}
		b = b[n:]
		if f != nil {
			s.see(f)
		}
	}
}
