package trial

// What a run shows: a table that is drawn anew each second, or lines, and the summary.

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/packetmq/packetmq/internal/figures"
)

// linesOfLost is how many streams are listed at most of which packets are lost without a word.
const linesOfLost = 20

// table shows a run while it goes on.
type table struct {
	out      io.Writer
	isLines  bool // not a terminal
	drawn    int  // lines that stand there
	sent     int  // until the last time
	received int
	at       time.Duration
}

func newTable(out io.Writer, plain bool) *table {
	return &table{out: out, isLines: plain || !isTerminal(out)}
}

func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && f.Name() != os.DevNull
}

// title says what runs where.
func (t *table) title(r *trialRun) {
	var nodes []string
	for _, n := range r.nodes {
		nodes = append(nodes, fmt.Sprintf("%s (process %d)", n.Name(), n.Pid()))
	}
	fmt.Fprintf(t.out, "%d nodes: %s\n%d users in %d rooms (process %d) send %s packets/s for %v; %s\n\n",
		nodeCount, strings.Join(nodes, ", "), len(r.list), r.rooms, os.Getpid(), figures.Count(r.rate), r.duration, r.plan())
	t.at = r.users.now()
}

// plan says what becomes of the nodes.
func (r *trialRun) plan() string {
	if r.restart {
		return "all nodes are replaced, one after the other"
	}
	return killedName + " is killed at half time"
}

// show shows the last second.
func (t *table) show(r *trialRun) {
	now, sum, took := r.users.now(), r.users.Counts(), r.latency.take()
	seconds := (now - t.at).Seconds()
	sent, received := float64(sum.Sent-t.sent)/seconds, float64(sum.Received-t.received)/seconds
	t.sent, t.received, t.at = sum.Sent, sum.Received, now
	all := fmt.Sprintf("%.0f packets/s sent, %.0f/s received, p50 %s, p99 %s", sent, received,
		figures.Latency(quantile(took, 0.5)), figures.Latency(quantile(took, 0.99)))
	if t.isLines {
		fmt.Fprintf(t.out, "%s; %s\n", all, strings.Join(r.short(), "; "))
		return
	}
	var b strings.Builder
	if t.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\x1b[J", t.drawn) // up, and clear to the end
	}
	text := r.long() + all + "\n"
	t.drawn = strings.Count(text, "\n")
	fmt.Fprint(t.out, b.String()+text)
}

// short is a few words about each node.
func (r *trialRun) short() (list []string) {
	for _, n := range r.nodes {
		if n.isKilled || n.isLeaving {
			list = append(list, n.Name()+" "+n.fate())
			continue
		}
		s := &n.last
		list = append(list, fmt.Sprintf("%s %d users, %d nodes, %d gaps, %d missed, %d from copies, %d not kept", n.Name(), s.Users, len(s.Others), s.Gaps, s.Missed, s.Restored, s.CopiesFailed))
	}
	return list
}

// fate is what becomes of a node.
func (n *runNode) fate() string {
	if n.isKilled {
		return "killed"
	}
	return "being replaced"
}

// long is a table of the nodes.
func (r *trialRun) long() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "node\tusers\tother nodes\troom packets to others\tgaps\tbytes resent\tmissed\t")
	for _, n := range r.nodes {
		if n.isKilled || n.isLeaving {
			fmt.Fprintf(w, "%s\t%s\t\t\t\t\t\t\n", n.Name(), n.fate())
			continue
		}
		s := &n.last
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n", n.Name(), s.Users, len(s.Others), s.Crossed, s.Gaps, s.Resent, s.Missed)
	}
	w.Flush()
	return b.String()
}

// tell tells what has become of all packets and users. It returns ErrBroken if a promise was
// broken.
func (r *trialRun) tell(out io.Writer) error {
	s, took := r.users.Summary(), r.all.take()
	each, lost := r.away()
	ghosts := r.ghosts()
	gone := r.gone()
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(what string, v any, more string) { fmt.Fprintf(w, "  %s\t%v\t%s\n", what, v, more) }
	fmt.Fprintf(w, "\nafter %v:\n\n", r.duration)
	row("packets sent", figures.Count(s.Sent), "")
	row("acknowledged by the first node", figures.Count(s.Acknowledged), "")
	row("deliveries due", figures.Count(s.Due), "one for each member of a room")
	row("received", figures.Count(s.Received), fmt.Sprintf("p50 %s, p99 %s", figures.Latency(quantile(took, 0.5)), figures.Latency(quantile(took, 0.99))))
	row("told as lost, one by one", figures.Count(s.ToldSingly), "")
	row("told by the end of a session", figures.Count(s.ToldByEnd), "")
	row("told by the end of a conn", figures.Count(s.ToldByConn), "between the two nodes of the sender and the receiver")
	row("told by an older copy", figures.Count(s.ToldByCopy), "sent to a client by the killed node since the last copy")
	row("missed in a room", figures.Count(s.MissedInRoom), "while the receiver's session moved")
	row("lost without a word", s.Silent, "")
	row("handled again", figures.Count(s.Repeated), "sent again by clients, as no copy knew of it")
	row("doubled, out of order", fmt.Sprint(s.Doubled, ", ", s.Disordered), "")
	if r.killAt > 0 {
		row(killedName+" was gone after", figures.Latency(gone), "at both other nodes")
	}
	if r.restart {
		row("nodes replaced", r.restarted, fmt.Sprintf("%d sessions given to others, %d left", r.drained.Moved, r.drained.Left))
	}
	r.tellAway(row, each, lost)
	for _, g := range ghosts {
		row("presence", "wrong", g)
	}
	w.Flush()
	r.tellLosses(out)
	if !s.Kept() || lost > 0 || len(ghosts) > 0 || gone > promisedGone || r.drained.Left > 0 {
		return ErrBroken
	}
	return nil
}

// tellAway tells for how long users of the killed or replaced nodes were away.
func (r *trialRun) tellAway(row func(what string, v any, more string), each []time.Duration, lost int) {
	if len(each)+lost == 0 {
		return
	}
	leavers, anew := len(r.leavers()), r.anew()
	row("users of these nodes", leavers, fmt.Sprintf("%d kept their session, %d began another one", leavers-anew, anew))
	row("they were away", figures.Latency(quantile(each, 0.5)), fmt.Sprintf("at least %s, at most %s; %d are not back",
		figures.Latency(quantile(each, 0)), figures.Latency(quantile(each, 1)), lost))
}

// tellLosses tells what was refused, and which packets were lost without a word.
func (r *trialRun) tellLosses(out io.Writer) {
	for why, n := range r.users.Refusals() {
		fmt.Fprintf(out, "  refused %s times: %s\n", figures.Count(n), why)
	}
	for i, l := range r.users.Lost() {
		if i == linesOfLost {
			fmt.Fprintln(out, "  and so on")
			break
		}
		fmt.Fprintln(out, "  lost without a word:", l)
	}
}
