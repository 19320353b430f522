package pcap

// Writer: conns as TCP segments in a file of libpcap's format.

import (
	"bufio"
	"encoding/binary"
	"io"
	"net/netip"
	"time"
)

const (
	magicNano = 0xa1b23c4d // times are in nanoseconds
	linkRaw   = 101        // packets begin with their IP header
	snapLen   = 64 << 10
	maxData   = 32 << 10 // bytes of data in a segment; with its headers it must be below 64 KiB

	fin = 1 << 0
	syn = 1 << 1
	psh = 1 << 3
	ack = 1 << 4
)

// Writer writes conns as TCP segments. An error of the writer below is what Flush returns.
type Writer struct {
	w     *bufio.Writer
	conns map[uint64]*conn
	buf   []byte
}

// conn is a conn of a Writer.
type conn struct {
	sides [2]side // 0: the one that listens
	ended bool
}

// side is one side of a conn.
type side struct {
	addr netip.AddrPort
	next uint32 // sequence number of what it sends next
}

// NewWriter begins a file.
func NewWriter(w io.Writer) *Writer {
	p := &Writer{w: bufio.NewWriter(w), conns: make(map[uint64]*conn)}
	b := binary.BigEndian.AppendUint32(nil, magicNano)
	b = binary.BigEndian.AppendUint16(b, 2) // version 2.4
	b = binary.BigEndian.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...)
	b = binary.BigEndian.AppendUint32(b, snapLen)
	p.w.Write(binary.BigEndian.AppendUint32(b, linkRaw))
	return p
}

// Open begins the conn of that number, between the side that listens and the other one, with its
// handshake. Addresses that are not valid, or of two kinds, are replaced.
func (p *Writer) Open(at time.Time, number uint64, listening, other netip.AddrPort) {
	c := p.add(number, listening, other)
	p.segment(at, c, 1, syn, nil)
	p.segment(at, c, 0, syn|ack, nil)
	p.segment(at, c, 1, ack, nil)
}

// Continue is Open for a conn that was open before.
func (p *Writer) Continue(number uint64, listening, other netip.AddrPort) {
	c := p.add(number, listening, other)
	c.sides[0].next++
	c.sides[1].next++
}

func (p *Writer) add(number uint64, listening, other netip.AddrPort) *conn {
	listening, other = netip.AddrPortFrom(listening.Addr().Unmap(), listening.Port()), netip.AddrPortFrom(other.Addr().Unmap(), other.Port())
	if !listening.Addr().IsValid() || !other.Addr().IsValid() || listening.Addr().Is4() != other.Addr().Is4() {
		here := netip.AddrFrom4([4]byte{127, 0, 0, 1})
		there := netip.AddrFrom4([4]byte{127, 1 + byte(number>>32), byte(number >> 24), byte(number >> 16)})
		listening, other = netip.AddrPortFrom(here, listening.Port()), netip.AddrPortFrom(there, uint16(number))
	}
	c := &conn{sides: [2]side{{addr: listening}, {addr: other}}}
	p.conns[number] = c
	return c
}

// Data adds bytes that the side that listens has sent, or the other one. Bytes of a conn that was
// not opened, or has ended, are left out.
func (p *Writer) Data(at time.Time, number uint64, byListening bool, b []byte) {
	c := p.conns[number]
	if c == nil || c.ended {
		return
	}
	from := 1
	if byListening {
		from = 0
	}
	for len(b) > 0 {
		n := min(len(b), maxData)
		p.segment(at, c, from, psh|ack, b[:n])
		b = b[n:]
	}
}

// End adds that one of the sides has ended the conn, and the other one too.
func (p *Writer) End(at time.Time, number uint64, byListening bool) {
	c := p.conns[number]
	if c == nil || c.ended {
		return
	}
	c.ended = true
	first := 1
	if byListening {
		first = 0
	}
	p.segment(at, c, first, fin|ack, nil)
	p.segment(at, c, 1-first, fin|ack, nil)
	p.segment(at, c, first, ack, nil)
	delete(p.conns, number)
}

// Flush writes what is left, and returns the first error.
func (p *Writer) Flush() error { return p.w.Flush() }

// segment adds a segment of the side from.
func (p *Writer) segment(at time.Time, c *conn, from int, flags byte, data []byte) {
	src, dst := &c.sides[from], &c.sides[1-from]
	tcp := make([]byte, 20, 20+len(data))
	binary.BigEndian.PutUint16(tcp[0:], src.addr.Port())
	binary.BigEndian.PutUint16(tcp[2:], dst.addr.Port())
	binary.BigEndian.PutUint32(tcp[4:], src.next)
	if flags&ack != 0 {
		binary.BigEndian.PutUint32(tcp[8:], dst.next)
	}
	tcp[12], tcp[13] = 5<<4, flags
	binary.BigEndian.PutUint16(tcp[14:], 0xffff)
	tcp = append(tcp, data...)
	src.next += uint32(len(data))
	if flags&(syn|fin) != 0 {
		src.next++
	}
	b := ipHeader(p.buf[:0], src.addr.Addr(), dst.addr.Addr(), len(tcp))
	binary.BigEndian.PutUint16(tcp[16:], checksum(tcp, pseudoSum(src.addr.Addr(), dst.addr.Addr(), len(tcp))))
	p.buf = append(b, tcp...)

	var head [16]byte
	binary.BigEndian.PutUint32(head[0:], uint32(at.Unix()))
	binary.BigEndian.PutUint32(head[4:], uint32(at.Nanosecond()))
	binary.BigEndian.PutUint32(head[8:], uint32(len(p.buf)))
	binary.BigEndian.PutUint32(head[12:], uint32(len(p.buf)))
	p.w.Write(head[:])
	p.w.Write(p.buf)
}

// ipHeader appends a header of IPv4 or IPv6 for n bytes of TCP.
func ipHeader(b []byte, src, dst netip.Addr, n int) []byte {
	const ttl, tcp = 64, 6
	if !src.Is4() {
		b = append(b, 0x60, 0, 0, 0, byte(n>>8), byte(n), tcp, ttl)
		return append(append(b, src.AsSlice()...), dst.AsSlice()...)
	}
	start, n := len(b), n+20
	b = append(b, 0x45, 0, byte(n>>8), byte(n), 0, 0, 0x40, 0, ttl, tcp, 0, 0)
	b = append(append(b, src.AsSlice()...), dst.AsSlice()...)
	binary.BigEndian.PutUint16(b[start+10:], checksum(b[start:], 0))
	return b
}

// pseudoSum is the sum of what TCP's checksum takes from the IP header.
func pseudoSum(src, dst netip.Addr, n int) (sum uint32) {
	for _, b := range [][]byte{src.AsSlice(), dst.AsSlice(), {0, 6, byte(n >> 8), byte(n)}} {
		sum = add(sum, b)
	}
	return sum
}

// add adds the words of b to a sum.
func add(sum uint32, b []byte) uint32 {
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) > 0 {
		sum += uint32(b[0]) << 8
	}
	return sum
}

// checksum is that of the Internet protocols.
func checksum(b []byte, sum uint32) uint16 {
	for sum = add(sum, b); sum > 0xffff; {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
