package inspect

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// hall is a server with many conns in memory.
type hall struct {
	srv   *peer.MemoryServer
	conns []*peer.Conn // of the clients
}

func newHall(tb testing.TB, n, loops int) *hall {
	tb.Helper()
	sreg, creg := registry.New(), registry.NewAdapting()
	sreg.MustAdd(login, hello)
	creg.MustAdd(login, hello)
	h := &hall{srv: peer.NewMemoryServer(sreg, &peer.Config{Engine: &engine.Config{Loops: loops, MaxConns: 3 * n}})}
	tb.Cleanup(func() { h.srv.Close() })
	cli := peer.NewMemoryClient(creg, &peer.Config{Reactor: h.srv.Reactor()})
	if err := h.srv.RunAsync(); err != nil {
		tb.Fatal(err)
	}
	for range n {
		c, err := cli.Connect(tb.Context(), h.srv)
		if err != nil {
			tb.Fatal(err)
		}
		h.conns = append(h.conns, c)
	}
	return h
}

// With 10,000 conns no posted function visits more than 256, the page gets the first rows only,
// and those are the right ones.
func TestManyConnsAreVisitedInParts(t *testing.T) {
	conns := 10_000
	if testing.Short() || raceEnabled || debugBuild {
		conns = 2_000
	}
	h := newHall(t, conns, 2)
	i := New(h.srv, Config{Rows: 50})
	parts, visited := 0, 0
	i.visitedPart = func(n int) { // on two loops, one after the other
		parts++
		visited += n
		if n > perPost {
			t.Errorf("one posted function visits %d conns", n)
		}
	}
	s, err := i.Snapshot(t.Context(), Query{Sort: "conn"})
	if err != nil || s.Incomplete != "" {
		t.Fatal(err, s)
	}
	if s.Matching != conns || len(s.Conns) != 50 {
		t.Errorf("%d match, %d are shown", s.Matching, len(s.Conns))
	}
	if visited != conns+50 || parts < conns/perPost {
		t.Errorf("%d visits in %d parts", visited, parts)
	}
	ids := func(list []Conn) (ids []uint64) {
		for _, c := range list {
			ids = append(ids, c.Conn)
		}
		return ids
	}
	if got := ids(s.Conns); !slices.IsSortedFunc(got, func(a, b uint64) int { return int(b) - int(a) }) || got[0] != uint64(conns) {
		t.Errorf("shown are %v", got)
	}
}

// The conns for whose other side the most waits come first, unless another order is asked for.
func TestSlowConsumersComeFirst(t *testing.T) {
	h := newHall(t, 5, 1)
	h.conns[3].PauseRead()
	text := string(make([]byte, 100_000))
	const id = 4
	for range 30 { // more than the pair takes
		if err := peer.SendTo(h.srv, id, hello, &text); err != nil {
			t.Fatal(err)
		}
	}
	i := New(h.srv, Config{})
	for {
		s, err := i.Snapshot(t.Context(), Query{})
		if err != nil {
			t.Fatal(err)
		}
		if first := s.Conns[0]; first.PendingOut > 0 {
			if first.Conn != id {
				t.Errorf("conn %d is first, want %d", first.Conn, id)
			}
			break
		}
	}
	s, err := i.Snapshot(t.Context(), Query{Sort: "conn", Ascending: true, Rows: 2})
	if err != nil || len(s.Conns) != 2 || s.Conns[0].Conn != 1 || s.Conns[1].Conn != 2 {
		t.Errorf("in the order of ids: %+v, %v", s.Conns, err)
	}
}

func TestFilterChoosesConns(t *testing.T) {
	h := newHall(t, 12, 1)
	i := New(h.srv, Config{})
	for _, test := range []struct {
		q    Query
		want int
	}{
		{Query{}, 12}, {Query{Conn: 7}, 1}, {Query{Conn: 99}, 0},
		{Query{Filter: "ACTIVE"}, 12}, {Query{Filter: "no such"}, 0}, {Query{Filter: "11"}, 1},
	} {
		t.Run(fmt.Sprint(test.q), func(t *testing.T) {
			s, err := i.Snapshot(t.Context(), test.q)
			if err != nil || s.Matching < test.want || test.want == 0 && s.Matching != 0 {
				t.Errorf("%d match, %v; want %d", s.Matching, err, test.want)
			}
		})
	}
}

// A loop that does not answer is left out, and the snapshot says so.
func TestAStoppedLoopIsLeftOut(t *testing.T) {
	h := newHall(t, 1, 1)
	if err := h.srv.Stop(); err != nil {
		t.Fatal(err)
	}
	s, err := New(h.srv, Config{}).Snapshot(t.Context(), Query{})
	if err != nil || s.Incomplete == "" || s.Active != 1 || len(s.Conns) != 0 {
		t.Errorf("the snapshot is %+v, %v", s, err)
	}
}

func TestNothingIsAskedOnALoop(t *testing.T) {
	h := newHall(t, 1, 1)
	i := New(h.srv, Config{})
	err := make(chan error)
	h.srv.Reactor().Post(func() {
		_, got := i.Snapshot(t.Context(), Query{})
		err <- got
	})
	if got := <-err; got != engine.ErrOnLoop {
		t.Errorf("on a loop: %v", got)
	}
}

// BenchmarkSnapshot is a look at 10,000 conns. It tells how long the loop was held up at most,
// by the median and by the longest of all looks: what the page promises is 1 ms at a time.
func BenchmarkSnapshot(b *testing.B) {
	h := newHall(b, 10_000, 1)
	i := New(h.srv, Config{})
	loop := h.srv.Reactor().Loops()[0]
	var longest time.Duration // of this look; on the loop only
	var each []time.Duration
	stop := make(chan func(), 1)
	loop.Post(func() { stop <- loop.Watch(func(took time.Duration) { longest = max(longest, took) }) })
	b.ReportAllocs()
	for b.Loop() {
		i.visited = i.visited.AddDate(-1, 0, 0) // as if it were long ago
		if _, err := i.Snapshot(b.Context(), Query{}); err != nil {
			b.Fatal(err)
		}
		if err := loop.Call(b.Context(), func() { each = append(each, longest); longest = 0 }); err != nil {
			b.Fatal(err)
		}
	}
	loop.Call(b.Context(), <-stop)
	slices.Sort(each)
	b.ReportMetric(float64(each[len(each)/2].Microseconds()), "median-hold-µs")
	b.ReportMetric(float64(each[len(each)-1].Microseconds()), "longest-hold-µs")
}
