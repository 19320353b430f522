package peer

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/packetmq/packetmq/codec"
)

// A frame that arrived whole is handed over where the loop has read it, however
// many conns speak at once: reads begin at the front of the loop's buffer, so the
// payloads of reads of one frame each lie in one place.
func TestWholeFramesAreHandledWhereTheyWereRead(t *testing.T) {
	if debugBuild {
		t.Skip("the debug build lends copies, to poison them")
	}
	for name, conns := range map[string]int{"one conn": 1, "64 conns": 64} {
		t.Run(name, func(t *testing.T) {
			s := newSide(false, 17, 18)
			s.cfg.SkipHandshake = true
			srv := NewServer(s.reg, &s.cfg)
			t.Cleanup(func() { srv.Close() })
			ln, err := srv.Listen("tcp://127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var places []uintptr // on the loop, until it is closed
			HandleRaw(srv, s.ping, func(c *Conn, payload []byte) error {
				places = append(places, uintptr(unsafe.Pointer(unsafe.SliceData(payload))))
				return c.ReplyRaw(s.ping.In(s.reg), payload)
			})
			if err := srv.RunAsync(); err != nil {
				t.Fatal(err)
			}
			frame := codec.AppendFrame(nil, 17, []byte("payload"))
			const each = 100
			var clients sync.WaitGroup
			for range conns {
				nc, err := net.Dial("tcp", ln.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer nc.Close()
				nc.SetDeadline(time.Now().Add(patience))
				clients.Go(func() {
					answer := make([]byte, len(frame))
					for range each {
						nc.Write(frame)
						if _, err := io.ReadFull(nc, answer); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			clients.Wait()
			srv.Close()
			copied := 0
			for _, place := range places {
				if place != places[0] {
					copied++
				}
			}
			if len(places) != conns*each || copied > 0 {
				t.Errorf("%d of %d payloads were not where the first one was", copied, len(places))
			}
		})
	}
}
