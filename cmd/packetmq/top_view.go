package main

// view: a snapshot of a console as text, with rates since the one before.

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/packetmq/packetmq/inspect"
	"github.com/packetmq/packetmq/internal/figures"
)

// headLines are the lines above the rows of a table, its own head included.
const headLines = 6

// view is what is shown. The zero view has nothing to show yet.
type view struct {
	addr        string
	query       inspect.Query
	rows        int  // of a table, at most
	width       int  // columns; 0: as many as it takes
	showPackets bool // in place of conns

	now, before *inspect.Snapshot
	past        []*inspect.Snapshot // those from before on, without now
}

// apart is how long before the snapshot that is shown the one is, at least, that rates are
// counted from. For half of inspect.Config.Every a console tells the same of its conns.
const apart = 500 * time.Millisecond

// take takes a new snapshot.
func (v *view) take(s *inspect.Snapshot) {
	if v.now != nil {
		v.past = append(v.past, v.now)
	}
	for len(v.past) > 1 && s.Time.Sub(v.past[1].Time) >= apart {
		v.past = v.past[1:]
	}
	if len(v.past) > 0 {
		v.before = v.past[0]
	}
	v.now = s
}

// seconds is the time between the two snapshots; 0 if there is but one.
func (v *view) seconds() float64 {
	if v.before == nil {
		return 0
	}
	return v.now.Time.Sub(v.before.Time).Seconds()
}

// text is the whole of it, in lines.
func (v *view) text() string {
	if v.now == nil {
		return "waiting for " + v.addr + "\n"
	}
	lines := []string{v.title(), v.loops(), v.limits(), v.ends(), ""}
	table := v.conns()
	if v.showPackets {
		table = v.packets()
	}
	lines = append(lines, align(table)...)
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(strings.TrimRight(cut(clean(line), v.width), " ") + "\n")
	}
	return b.String()
}

func (v *view) title() string {
	s := v.now
	in, out := v.traffic()
	line := fmt.Sprintf("%s  %s  %s open, %d active, %s made  in %s  out %s", v.addr, s.Time.Local().Format("15:04:05"),
		figures.Plural(s.Open, "conn"), s.Active, figures.Count(int64(s.Made)), in, out)
	if s.Incomplete != "" {
		line += "  INCOMPLETE: " + s.Incomplete
	}
	return line
}

// traffic is what went in and out since the snapshot before, a second; before there are two, in
// all.
func (v *view) traffic() (in, out string) {
	total := func(s *inspect.Snapshot) (in, out inspect.Traffic) {
		for _, p := range s.Packets {
			in, out = plus(in, p.In), plus(out, p.Out)
		}
		return in, out
	}
	nowIn, nowOut := total(v.now)
	if v.before == nil {
		return sumOf(nowIn), sumOf(nowOut)
	}
	thenIn, thenOut := total(v.before)
	return v.rate(nowIn, thenIn), v.rate(nowOut, thenOut)
}

func plus(a, b inspect.Traffic) inspect.Traffic {
	return inspect.Traffic{Packets: a.Packets + b.Packets, Bytes: a.Bytes + b.Bytes}
}

func sumOf(t inspect.Traffic) string {
	return fmt.Sprintf("%s, %s", figures.Plural(int64(t.Packets), "packet"), figures.Bytes(int64(t.Bytes)))
}

// rate is how much more now is than then, a second.
func (v *view) rate(now, then inspect.Traffic) string {
	s := v.seconds()
	if s <= 0 || now.Packets < then.Packets { // another process by now
		return "-"
	}
	packets, bytes := float64(now.Packets-then.Packets)/s, float64(now.Bytes-then.Bytes)/s
	return fmt.Sprintf("%s/s, %s/s", figures.Count(int64(packets+0.5)), figures.Bytes(int64(bytes+0.5)))
}

func (v *view) loops() string {
	var all []string
	for _, l := range v.now.Loops {
		if l.Missing {
			all = append(all, fmt.Sprintf("%d does not answer", l.Loop))
			continue
		}
		busy := "-"
		if l.Busy >= 0 {
			busy = fmt.Sprintf("%.0f%%", 100*l.Busy)
		}
		text := fmt.Sprintf("%d %s busy, longest %s", l.Loop, busy, figures.Latency(seconds(l.Longest)))
		if l.LongestPacket != "" {
			text += " (" + l.LongestPacket + ")"
		}
		all = append(all, fmt.Sprintf("%s, %d posted, %s", text, l.Posted, figures.Plural(l.Timers, "timer")))
	}
	return "loops   " + strings.Join(all, " | ")
}

func (v *view) limits() string {
	const most = 3
	var all []string
	for _, l := range v.now.Limits[:min(most, len(v.now.Limits))] {
		all = append(all, fmt.Sprintf("%s %s of %s", l.Limit, figures.Count(l.Used), figures.Count(l.Most)))
	}
	return "limits  " + strings.Join(all, ", ")
}

func (v *view) ends() string {
	var all []string
	for _, e := range slices.Concat(v.now.Ends, v.now.Refused) {
		if e.Count > 0 {
			all = append(all, fmt.Sprintf("%s %s", e.Name, figures.Count(int64(e.Count))))
		}
	}
	if all == nil {
		all = []string{"none"}
	}
	return "ends    " + strings.Join(all, ", ")
}

// conns is the table of conns. The key that it is sorted by is marked.
func (v *view) conns() [][]string {
	head := []string{"conn", "remote", "transport", "state", "age", "rtt", "pending_in", "pending_out", "in", "out", "dropped", "version"}
	for i, name := range head {
		if name == v.now.Sort {
			head[i] += map[bool]string{true: "^", false: "v"}[v.query.Ascending]
		}
	}
	table := [][]string{head}
	for _, c := range v.now.Conns[:min(v.rows, len(v.now.Conns))] {
		then := v.connBefore(c.Conn)
		state := c.State
		if c.Paused {
			state += ", paused"
		}
		table = append(table, []string{
			fmt.Sprint(c.Conn), c.Remote, c.Transport, state, ageOf(c.Age), figures.Latency(seconds(c.RTT)),
			figures.Bytes(int64(c.PendingIn)), figures.Bytes(int64(c.PendingOut)),
			v.rateOrSum(c.In, then, func(c *inspect.Conn) inspect.Traffic { return c.In }),
			v.rateOrSum(c.Out, then, func(c *inspect.Conn) inspect.Traffic { return c.Out }),
			figures.Count(int64(c.Dropped)), c.Version,
		})
	}
	if left := v.now.Matching - (len(table) - 1); left > 0 {
		table[0] = append(table[0], fmt.Sprintf("(%s more)", figures.Count(left)))
	}
	return table
}

func (v *view) connBefore(id uint64) *inspect.Conn {
	if v.before == nil {
		return nil
	}
	i := slices.IndexFunc(v.before.Conns, func(c inspect.Conn) bool { return c.Conn == id })
	if i < 0 {
		return nil
	}
	return &v.before.Conns[i]
}

// rateOrSum is the rate since then, or, of a conn that was not shown then, all of it.
func (v *view) rateOrSum(now inspect.Traffic, then *inspect.Conn, of func(*inspect.Conn) inspect.Traffic) string {
	if then == nil {
		return sumOf(now)
	}
	return v.rate(now, of(then))
}

// packets is the table of packet types, those with the most bytes first.
func (v *view) packets() [][]string {
	table := [][]string{{"packet", "in", "out", "failed", "p50", "p99"}}
	all := slices.Clone(v.now.Packets)
	bytes := func(p inspect.Packet) uint64 { return p.In.Bytes + p.Out.Bytes }
	slices.SortStableFunc(all, func(a, b inspect.Packet) int { return cmp.Compare(bytes(b), bytes(a)) })
	for _, p := range all[:min(v.rows, len(all))] {
		name, p50, p99 := cmp.Or(p.Packet, "(others)"), "-", "-"
		if p.Handler != nil {
			p50, p99 = figures.Latency(seconds(p.Handler.P50)), figures.Latency(seconds(p.Handler.P99))
		}
		table = append(table, []string{name, sumOf(p.In), sumOf(p.Out), figures.Count(int64(p.Failed)), p50, p99})
	}
	return table
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// ageOf is an age in one unit or two.
func ageOf(s float64) string {
	d := seconds(s)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.0fs", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd", int(d.Hours())/24)
}

// align makes lines of a table.
func align(table [][]string) (lines []string) {
	width := make([]int, 0, 16)
	for _, row := range table {
		for i, cell := range row {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range table {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(cell + strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell)+2))
		}
		lines = append(lines, b.String())
	}
	return lines
}

// cut is a line of no more than so many columns; 0: as long as it is.
func cut(line string, width int) string {
	if width <= 0 || utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:width])
}
