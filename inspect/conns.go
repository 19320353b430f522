package inspect

// The conns: all are visited on their loops, a part of them in each posted function; those that
// are shown are visited once more for what takes longer.

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// perPost is how many conns one posted function visits. A visit takes 0.1 to 1 µs: with more
// the loop is held up for longer, with fewer it is woken more often.
const perPost = 256

// Query says which conns a Snapshot has, and in which order. The zero Query means those for
// whose other side the most waits.
type Query struct {
	// Sort is the field of Conn, as in the JSON, that the conns are sorted by, the largest
	// first: pending_out, pending_in, in, out, dropped, rtt, age or conn; in and out are by
	// bytes. Default: pending_out. What is none of these is taken for the default.
	Sort string

	// Ascending has the smallest first.
	Ascending bool

	// Filter has only conns shown that have it in their number, address, transport, state or
	// version. Upper and lower case are the same.
	Filter string

	// Conn, if not 0, has only that conn shown.
	Conn uint64

	// Rows is how many conns are shown at most. Default, and at most: Config.Rows.
	Rows int
}

// row is a conn and what is known of it from the visit to all conns.
type row struct {
	c               *peer.Conn
	in, out         peer.Traffic
	unread, pending int
	dropped         uint64
	rtt             time.Duration
}

// Snapshot returns what the peer does, with the conns that q asks for. Its error is that of
// Totals.
func (i *Inspector) Snapshot(ctx context.Context, q Query) (*Snapshot, error) {
	totals, err := i.Totals(ctx)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{Totals: *totals}
	rows, missed := i.visitConns(ctx)
	rows = q.choose(rows)
	s.Matching, s.Sort = len(rows), q.sort()
	if missed == nil {
		s.Conns, missed = i.show(ctx, rows[:min(len(rows), q.most(i.cfg.Rows))])
	}
	if missed != nil && s.Incomplete == "" {
		s.Incomplete = missed.Error()
	}
	return s, ctx.Err()
}

// visitConns visits all conns. Two looks shortly after one another share a visit.
func (i *Inspector) visitConns(ctx context.Context) ([]*row, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if time.Since(i.visited) < i.cfg.Every/2 {
		return i.rows, nil
	}
	byLoop := make([][]*row, len(i.watches))
	for c := range i.peer.AllConns() {
		if l := c.Loop(); l != nil {
			byLoop[l.Index()] = append(byLoop[l.Index()], &row{c: c})
		}
	}
	i.rows = nil
	for n, rows := range byLoop {
		if err := i.visit(ctx, i.watches[n].loop, rows, (*row).visit); err != nil {
			return nil, err
		}
		i.rows = append(i.rows, rows...)
	}
	i.visited = time.Now()
	return i.rows, nil
}

// visit calls f with each of the rows, on their loop, in parts.
func (i *Inspector) visit(ctx context.Context, l *engine.Loop, rows []*row, f func(*row)) error {
	for part := range slices.Chunk(rows, perPost) {
		err := onLoop(ctx, l, func() {
			for _, r := range part {
				f(r)
			}
			if i.visitedPart != nil {
				i.visitedPart(len(part))
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// visit notes what is to be seen of the conn on its loop.
func (r *row) visit() {
	r.in, r.out = r.c.Traffic()
	r.unread, r.pending = r.c.Unread(), r.c.Pending()
	r.dropped, r.rtt = r.c.Dropped(), r.c.RTT()
}

// choose returns the rows that are asked for, in order.
func (q Query) choose(rows []*row) []*row {
	chosen := make([]*row, 0, len(rows))
	for _, r := range rows {
		if q.Conn == 0 && q.matches(r.c) || q.Conn != 0 && r.c.ID() == q.Conn {
			chosen = append(chosen, r)
		}
	}
	key := sortKeys[q.sort()]
	slices.SortFunc(chosen, func(a, b *row) int {
		if q.Ascending {
			a, b = b, a
		}
		if n := cmp.Compare(key(b), key(a)); n != 0 {
			return n
		}
		return cmp.Compare(a.c.ID(), b.c.ID())
	})
	return chosen
}

func (q Query) matches(c *peer.Conn) bool {
	if q.Filter == "" {
		return true
	}
	filter := strings.ToLower(q.Filter)
	for _, text := range []string{strconv.FormatUint(c.ID(), 10), remoteOf(c), c.Transport(), c.State().String(), c.Remote().Version()} {
		if strings.Contains(strings.ToLower(text), filter) {
			return true
		}
	}
	return false
}

func (q Query) sort() string {
	if _, ok := sortKeys[q.Sort]; ok {
		return q.Sort
	}
	return "pending_out"
}

func (q Query) most(rows int) int {
	if q.Rows > 0 {
		return min(q.Rows, rows)
	}
	return rows
}

// sortKeys are what conns can be sorted by. Ids are given out in order, so they tell the age.
var sortKeys = map[string]func(r *row) int64{
	"pending_out": func(r *row) int64 { return int64(r.pending) },
	"pending_in":  func(r *row) int64 { return int64(r.unread) },
	"in":          func(r *row) int64 { return int64(r.in.Bytes) },
	"out":         func(r *row) int64 { return int64(r.out.Bytes) },
	"dropped":     func(r *row) int64 { return int64(r.dropped) },
	"rtt":         func(r *row) int64 { return int64(r.rtt) },
	"age":         func(r *row) int64 { return -int64(r.c.ID()) },
	"conn":        func(r *row) int64 { return int64(r.c.ID()) },
}

// show returns the conns as they are shown.
func (i *Inspector) show(ctx context.Context, rows []*row) ([]Conn, error) {
	counts := make(map[*row][]peer.PacketCount, len(rows))
	byLoop := make([][]*row, len(i.watches))
	for _, r := range rows {
		n := r.c.Loop().Index()
		byLoop[n] = append(byLoop[n], r)
	}
	for n, own := range byLoop {
		found := make(map[*row][]peer.PacketCount, len(own)) // is dropped if the loop answers too late
		err := i.visit(ctx, i.watches[n].loop, own, func(r *row) { found[r] = r.c.AppendCounts(nil) })
		if err != nil {
			return nil, err
		}
		for r, list := range found {
			counts[r] = list
		}
	}
	list := make([]Conn, 0, len(rows))
	for _, r := range rows {
		list = append(list, i.connOf(r, counts[r]))
	}
	return list, nil
}

func (i *Inspector) connOf(r *row, counts []peer.PacketCount) Conn {
	c := Conn{
		Conn: r.c.ID(), Remote: remoteOf(r.c), Transport: r.c.Transport(), State: r.c.State().String(),
		Paused: r.c.Paused(), Age: r.c.Age().Seconds(), Loop: r.c.Loop().Index(), Version: r.c.Remote().Version(),
		RTT: r.rtt.Seconds(), PendingIn: r.unread, PendingOut: r.pending,
		In: Traffic(r.in), Out: Traffic(r.out), Dropped: r.dropped,
	}
	for n := range counts {
		c.Packets = append(c.Packets, packetOf(&counts[n]))
	}
	slices.SortStableFunc(c.Packets, func(a, b Packet) int {
		return cmp.Compare(b.In.Bytes+b.Out.Bytes, a.In.Bytes+a.Out.Bytes)
	})
	if i.cfg.Rooms != nil {
		c.Rooms = i.cfg.Rooms(r.c)
	}
	if i.cfg.Session != nil {
		c.Session = i.cfg.Session(r.c)
	}
	return c
}

func remoteOf(c *peer.Conn) string {
	if a := c.RemoteAddr(); a != nil {
		return fmt.Sprint(a)
	}
	return ""
}
