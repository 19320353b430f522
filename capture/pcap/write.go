package pcap

// Write: a capture as a file for Wireshark.

import (
	"io"
	"net/netip"

	"github.com/packetmq/packetmq/capture"
)

// Write writes what is left of the capture to w. It returns the error that ends the capture, when
// all before it was written, or that of w.
func Write(w io.Writer, r *capture.Reader) error {
	p := NewWriter(w)
	for rec, err := range r.Records() {
		if err != nil {
			p.Flush()
			return err
		}
		p.record(r, &rec)
	}
	return p.Flush()
}

func (p *Writer) record(r *capture.Reader, rec *capture.Record) {
	at := r.Wall(rec.Time)
	switch rec.Kind {
	case capture.Opened:
		local, remote := address(rec.Local), address(rec.Remote)
		if rec.Continued {
			p.Continue(rec.Conn, local, remote)
		} else {
			p.Open(at, rec.Conn, local, remote)
		}
	case capture.Input, capture.Output:
		p.Data(at, rec.Conn, rec.Kind == capture.Output, rec.Data)
	case capture.Ended, capture.Closed:
		p.End(at, rec.Conn, rec.Kind == capture.Closed)
	}
}

// address is an address of a capture, not valid where it is none of TCP.
func address(text string) netip.AddrPort {
	a, _ := netip.ParseAddrPort(text)
	return netip.AddrPortFrom(a.Addr().WithZone(""), a.Port())
}
