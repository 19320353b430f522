package peer

import (
	"testing"

	"github.com/packetmq/packetmq/codec"
)

// Long frames that straddle reads leave no buffers to the collector: strangers who
// send nothing else would have it run all the time.
func TestGatheredFramesShareBuffers(t *testing.T) {
	if raceEnabled || debugBuild {
		t.Skip("the race detector and the debug build allocate")
	}
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	server, client := NewServer(s.reg, &s.cfg), NewMemoryClient(c.reg, &c.cfg)
	run(t, server.Peer)
	run(t, client.Peer)
	got := make(chan *Conn, 200)
	server.Untyped().HandleRaw("test:ping", func(c *Conn, _ []byte) error { got <- c; return nil })
	conn, err := client.Connect(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	conn.SendRaw(c.ping.In(c.reg), nil)
	served := <-got
	frame := codec.AppendFrame(nil, 17, make([]byte, 60<<10))
	half := len(frame) / 2
	if err := served.Loop().Call(t.Context(), func() {
		n := testing.AllocsPerRun(50, func() {
			served.receive(frame[:half])
			served.receive(frame[half:])
			<-got
		})
		if n > 1 { // what is known of the frame
			t.Errorf("%v allocations a frame, want 1", n)
		}
	}); err != nil {
		t.Fatal(err)
	}
}
