package peer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// The order against a slice, through growing, churning and shrinking.
func TestOrder(t *testing.T) {
	var x connIndex
	var o connOrder
	var want []*Conn
	next := uint64(0)
	add := func() {
		next++
		c := &Conn{id: next}
		x.add(c)
		if rand.IntN(4) > 0 { // some are never made
			o.add(&x, c)
			o.add(&x, c)
			want = append(want, c)
		}
	}
	remove := func() {
		i := rand.IntN(len(want))
		if rand.IntN(3) == 0 {
			i = 0
		}
		c := want[i]
		o.remove(&x, c)
		o.remove(&x, c)
		x.remove(c.id)
		o.remove(&x, c)
		want = slices.Delete(want, i, i+1)
	}
	check := func(when string) {
		t.Helper()
		if got := o.all(); !slices.Equal(got, want) || o.n != len(want) {
			t.Fatalf("%s: %d conns, %d counted, want %d in their order", when, len(got), o.n, len(want))
		}
		var first *Conn
		if len(want) > 0 {
			first = want[0]
		}
		if o.head() != first {
			t.Fatalf("%s: the first is %v, want %v", when, o.head(), first)
		}
		if len(o.conns) > 2*len(want)+minGaps {
			t.Fatalf("%s: %d places for %d conns", when, len(o.conns), len(want))
		}
	}
	for round := range 3 {
		check("at first")
		for range 1000 {
			add()
			check("growing")
		}
		for range 3000 {
			add()
			if len(want) > 0 {
				remove()
			}
			check("churning")
		}
		for len(want) > 0 {
			remove()
			check(fmt.Sprint("shrinking, round ", round))
		}
	}
}

// What one conn costs its peer, from being entered to being forgotten, is the same
// however many others there are, in whatever order they go.
func BenchmarkConnsOfAPeer(b *testing.B) {
	orders := map[string]func(conns []*Conn){
		"first in, first out": func([]*Conn) {},
		"last in, first out":  func(conns []*Conn) { slices.Reverse(conns) },
		"at random": func(conns []*Conn) {
			rand.Shuffle(len(conns), func(i, j int) { conns[i], conns[j] = conns[j], conns[i] })
		},
	}
	for name, arrange := range orders {
		for _, n := range []int{1000, 10000, 100000} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				s := newSide(false, 17, 18)
				p := NewServer(s.reg, nil).Peer
				conns := make([]*Conn, n)
				for i := range conns {
					conns[i], _ = p.newConn()
				}
				ends := slices.Clone(conns)
				arrange(ends)
				for b.Loop() {
					for _, c := range conns {
						p.addConn(c)
						p.addActive(c)
					}
					for range p.Conns() {
					}
					for _, c := range ends {
						p.removeActive(c)
						p.removeConn(c)
						p.first()
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/conn")
			})
		}
	}
}
