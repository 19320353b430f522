package report

// The table for a terminal.

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/packetmq/packetmq/bench/versus/result"
)

// Summary writes one table for a terminal: server CPU per packet as a multiple
// of limit's, and in nanoseconds for limit itself.
func Summary(w io.Writer, f *result.File) {
	p := &page{t: result.NewTable(f)}
	for _, group := range []string{result.Closed, result.Growth} {
		cells := p.t.Cells(group)
		if len(cells) == 0 {
			continue
		}
		fmt.Fprintf(w, "\nServer CPU per packet, as a multiple of limit's, %s (~ where others used the machine)\n\n", group)
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		for _, c := range cells {
			fmt.Fprintf(tw, "\t%s", c.Name())
		}
		fmt.Fprint(tw, "\t\n")
		for _, s := range p.t.Subjects(group, "") {
			fmt.Fprint(tw, s)
			for _, c := range cells {
				fmt.Fprintf(tw, "\t%s", p.brief(s, c))
			}
			fmt.Fprint(tw, "\t\n")
		}
		tw.Flush()
	}
}

func (p *page) brief(s result.Subject, c result.Cell) string {
	if s != limit {
		return median(p.t.Ratio(s, limit, c, perPacket), 1)
	}
	st := p.t.Of(s, c, perPacket)
	if !st.Known() {
		return "–"
	}
	return fmt.Sprintf("%.0f ns%s", st.Median, mark(st))
}
