package capture

// Dump: a capture as text, a line for each record and each packet.

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"time"
)

// maxShown is how many bytes of a value, or of a payload that is not msgpack, Dump shows.
const maxShown = 200

// Dump writes the capture to w as text: a line for each record, and one for each packet in it.
// It returns the error that ends the capture, or that of w.
func Dump(w io.Writer, r *Reader) error {
	out := bufio.NewWriter(w)
	var packets Packets
	fmt.Fprintf(out, "capture, clock 0 at %s\n", r.Wall(0).UTC().Format(time.RFC3339Nano))
	for rec, err := range r.Records() {
		if err != nil {
			out.Flush()
			return err
		}
		fmt.Fprintln(out, rec.String())
		for _, p := range packets.Add(&rec) {
			fmt.Fprintf(out, "  %s %s %s\n", arrow(p.Out), plain(p.Label()), shown(&p))
		}
	}
	return out.Flush()
}

func arrow(out bool) string {
	if out {
		return "->"
	}
	return "<-"
}

// shown is a packet's payload for people.
func shown(p *Packet) string {
	v, err := p.Value()
	if err != nil {
		return fmt.Sprintf("%d bytes %s", len(p.Payload), hex.EncodeToString(p.Payload[:min(len(p.Payload), maxShown/2)]))
	}
	text := fmt.Sprintf("%v", v)
	if len(text) > maxShown {
		text = text[:maxShown] + "…"
	}
	return plain(text)
}

// plain is text of a capture in one line, without what steers a terminal: much of it is of a
// remote's choosing.
func plain(text string) string {
	quoted := strconv.Quote(text)
	return quoted[1 : len(quoted)-1]
}

// String is the record in a line, without its data.
func (r Record) String() string {
	s := fmt.Sprintf("%12.6f loop %d %s", r.Time.Seconds(), r.Loop, r.Kind)
	if r.Conn > 0 {
		s += fmt.Sprintf(" conn %d", r.Conn)
	}
	switch r.Kind {
	case Opened:
		s += fmt.Sprintf(" %s %s from %s", plain(r.Network), plain(r.Local), plain(r.Remote))
		if r.Continued {
			s += ", continued"
		}
	case Input, Output:
		s += fmt.Sprintf(" %d bytes", len(r.Data))
	case Took:
		s += fmt.Sprintf(" %d bytes", r.N)
	case OutputSum:
		s += fmt.Sprintf(" %d bytes so far, CRC-32C %08x", r.N, r.Sum)
	case Posted:
		s += fmt.Sprintf(" %q, %d bytes", r.Name, len(r.Data))
	case Fired:
		s += fmt.Sprintf(" timer %d", r.N)
	case Offloaded:
		s += fmt.Sprintf(" call %d, %d bytes", r.N, len(r.Data))
	case Pressed:
		s += fmt.Sprintf(" above: %v", r.Continued)
	case Gap:
		s += fmt.Sprintf(" %d records dropped, with %d bytes", r.N, r.Bytes)
	case Stop:
		s += " " + plain(r.Name)
	}
	if r.Err != "" {
		s += fmt.Sprintf(" (%s)", plain(r.Err))
	}
	return s
}
