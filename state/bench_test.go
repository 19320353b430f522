package state

import (
	"fmt"
	"testing"
	"time"

	"github.com/packetmq/packetmq/peer"
)

// audience is a stage with n readers that acknowledge what comes and do nothing with it.
func audience(b *testing.B, n int) *stage {
	b.Helper()
	s := newStage(b)
	client := peer.NewMemoryClient(s.reg, s.config())
	client.Extend(peer.Extension{Feature: FeatureState, Packet: func(c *peer.Conn, payload []byte) error {
		m, err := readMessage(payload)
		if err != nil || m.kind != ticked && m.kind != complete {
			return err
		}
		return c.SendExtension(FeatureState, appendTick(nil, acks, m.stream, m.n))
	}})
	peer.HandleRaw(client, things.Packet(), func(*peer.Conn, []byte) error { return nil })
	for range n {
		if err := client.ConnectAsync(s.server); err != nil {
			b.Fatal(err)
		}
		s.settle()
	}
	for c := range s.server.Conns() {
		if err := s.st.Join(c); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// BenchmarkSet is a source that sets its keys one after the other, each to a new value.
func BenchmarkSet(b *testing.B) {
	for _, readers := range []int{0, 200} {
		b.Run(fmt.Sprintf("%d readers", readers), func(b *testing.B) {
			s := audience(b, readers)
			b.ReportAllocs()
			n := 0
			v := new(thing)
			for b.Loop() {
				n++
				v.ID, v.N = uint64(n%100000), n
				s.st.Set(v)
			}
		})
	}
}

// BenchmarkTick is a tick of 200 readers of 10,000 keys, of which some have changed, with what
// the readers' side does with the packets, but without decoding them. The figure is of one
// value for one reader.
func BenchmarkTick(b *testing.B) {
	const readers, keys = 200, 10000
	for _, changed := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("%d changed", changed), func(b *testing.B) {
			s := audience(b, readers)
			for id := range uint64(keys) {
				s.set(id, 0)
			}
			s.ticks(40)
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				n++
				for i := range changed {
					s.set(uint64((n*changed+i)%keys), n)
				}
				for range maxPhases {
					s.v.Advance(time.Second / testHz / maxPhases)
					s.settle()
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/readers/float64(changed), "ns/value")
		})
	}
}
