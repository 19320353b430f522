package report

// The table for a terminal.

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/packetmq/packetmq/bench/versus/result"
)

// Summary writes a table for a terminal for each group of closed loops: server CPU per
// packet as a multiple of limit's, or for calls of packetmq's two packets, and in
// nanoseconds for these themselves.
func Summary(w io.Writer, f *result.File) {
	p := &page{t: result.NewTable(f)}
	for _, in := range []struct {
		group string
		base  result.Subject
	}{{result.Closed, limit}, {result.Growth, limit}, {result.Calls, ours("typed")}, {result.Rooms, writes}, {result.WebSocket, ours("raw")}, {result.Sessions, ours("typed")}} {
		group, base := in.group, in.base
		cells := p.t.Cells(group)
		if len(cells) == 0 {
			continue
		}
		fmt.Fprintf(w, "\nServer CPU per packet, as a multiple of that of %s, %s (~ where others used the machine)\n\n", base, group)
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		for _, c := range cells {
			fmt.Fprintf(tw, "\t%s", c.Name())
		}
		fmt.Fprint(tw, "\t\n")
		for _, s := range p.t.Subjects(group, "") {
			fmt.Fprint(tw, s)
			for _, c := range cells {
				fmt.Fprintf(tw, "\t%s", p.brief(s, base, c))
			}
			fmt.Fprint(tw, "\t\n")
		}
		tw.Flush()
	}
	p.clusterSummary(w)
}

func (p *page) brief(s, base result.Subject, c result.Cell) string {
	if s != base {
		return median(p.t.Ratio(s, base, c, perPacket), 1)
	}
	st := p.t.Of(s, c, perPacket)
	if !st.Known() {
		return "–"
	}
	return fmt.Sprintf("%.0f ns%s", st.Median, mark(st))
}
