package capture

// Record: one thing that entered a loop or left it, and its form in the file, which
// docs/capture.md describes.

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// Kind is what a record tells.
type Kind uint8

// The kinds of records. The comment says which fields of Record each has, beside Loop and Time.
const (
	Start     Kind = 1  // the file begins: Wall, N (the version), Bytes (how many loops there are)
	Opened    Kind = 2  // a conn was opened: Conn, Network, Local, Remote, Continued
	Input     Kind = 3  // bytes came, and are offered to the handler with what it left before: Conn, Data
	Took      Kind = 4  // the handler took only N bytes of what it was offered: Conn, N
	Output    Kind = 5  // bytes were sent: Conn, Data
	OutputSum Kind = 6  // the same without the bytes: Conn, N bytes so far, Sum of all of them
	Ended     Kind = 7  // the other side ended the conn: Conn, Err
	Closed    Kind = 8  // the conn is over: Conn, Err
	Called    Kind = 9  // a posted function without a name was called
	Posted    Kind = 10 // a post with a name was called: Name, Data
	Fired     Kind = 11 // the timer N was called
	Offloaded Kind = 12 // the result of the offloaded work N came: Data (msgpack), Err
	Expired   Kind = 13 // the deadline of a conn came: Conn
	Pressed   Kind = 14 // more, or less, than the soft bound waits for the other side: Conn, Continued (above)
	Gap       Kind = 15 // N records with Bytes bytes of data were dropped here
	Drained   Kind = 16 // the program shuts down, and a conn is to end: Conn
	Stop      Kind = 17 // the capture ends here in order: Name is "closed", "full" or "next"
	lastKind       = Stop
)

// String is the name of k, as in Dump.
func (k Kind) String() string {
	names := [...]string{"start", "opened", "input", "took", "output", "outputsum", "ended", "closed", "called",
		"posted", "fired", "offloaded", "expired", "pressed", "gap", "drained", "stop"}
	if k < Start || k > lastKind {
		return fmt.Sprintf("kind(%d)", uint8(k))
	}
	return names[k-1]
}

// Record is one thing that entered a loop or left it. Its Kind says which fields it has.
type Record struct {
	Kind Kind
	Loop int
	Time time.Duration // on the reactor's clock, engine.Loop.Time

	Conn      uint64 // number of the conn in the capture, from 1
	Data      []byte // valid until the next record is read
	N         uint64
	Bytes     uint64
	Sum       uint32 // CRC-32C
	Name      string
	Err       string
	Wall      time.Time // when Time was 0
	Network   string
	Local     string
	Remote    string
	Continued bool
}

const (
	magic      = "pmqcap\r\n" // the first bytes of a file; a transfer as text spoils them
	version    = 1
	headSize   = 4 + 1 + 2 + 8 // length, kind, loop, time
	connSize   = headSize + 8
	maxRecord  = 64 << 20 // bytes of one record; larger ones are not written
	maxText    = 1024     // bytes of a name, an address, an error
	maxOffload = 1 << 20  // bytes of a result
)

var errShort = errors.New("it is cut short")

// appendHead appends the beginning of a record of n bytes in all.
func appendHead(b []byte, n int, k Kind, loop int, at time.Duration) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(n-4))
	b = append(b, byte(k))
	b = binary.BigEndian.AppendUint16(b, uint16(loop))
	return binary.BigEndian.AppendUint64(b, uint64(at))
}

// appendRecord appends r.
func appendRecord(b []byte, r *Record) []byte {
	start := len(b)
	b = appendHead(b, 4, r.Kind, r.Loop, r.Time)
	switch r.Kind {
	case Start:
		b = appendUint(b, r.N, uint64(r.Wall.UnixNano()), r.Bytes)
	case Opened:
		b = appendUint(b, r.Conn)
		b = append(b, flag(r.Continued))
		b = appendText(appendText(appendText(b, r.Network), r.Local), r.Remote)
	case Input, Output:
		b = append(appendUint(b, r.Conn), r.Data...)
	case Took:
		b = appendUint(b, r.Conn, r.N)
	case OutputSum:
		b = binary.BigEndian.AppendUint32(appendUint(b, r.Conn, r.N), r.Sum)
	case Ended, Closed:
		b = appendText(appendUint(b, r.Conn), r.Err)
	case Posted:
		b = append(appendText(b, r.Name), r.Data...)
	case Fired:
		b = appendUint(b, r.N)
	case Offloaded:
		b = append(appendText(appendUint(b, r.N), r.Err), r.Data...)
	case Expired, Drained:
		b = appendUint(b, r.Conn)
	case Pressed:
		b = append(appendUint(b, r.Conn), flag(r.Continued))
	case Gap:
		b = appendUint(b, r.N, r.Bytes)
	case Stop:
		b = appendText(b, r.Name)
	}
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	return b
}

func appendUint(b []byte, all ...uint64) []byte {
	for _, v := range all {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	s = s[:min(len(s), maxText)]
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

func flag(set bool) byte {
	if set {
		return 1
	}
	return 0
}

// parse reads a record from b, all that follows its length. Data lies in b.
func parse(b []byte) (r Record, err error) {
	f := fields{b: b}
	r.Kind = Kind(f.byte())
	r.Loop = int(f.uint16())
	at := f.uint64()
	if at > math.MaxInt64 {
		return r, errors.New("its time is out of range")
	}
	r.Time = time.Duration(at)
	switch r.Kind {
	case Start:
		r.N = f.uint64()
		r.Wall = time.Unix(0, int64(f.uint64()))
		r.Bytes = f.uint64()
	case Opened:
		r.Conn, r.Continued = f.uint64(), f.byte() != 0
		r.Network, r.Local, r.Remote = f.text(), f.text(), f.text()
	case Input, Output:
		r.Conn, r.Data = f.uint64(), f.rest()
	case Took:
		r.Conn, r.N = f.uint64(), f.uint64()
	case OutputSum:
		r.Conn, r.N, r.Sum = f.uint64(), f.uint64(), f.uint32()
	case Ended, Closed:
		r.Conn, r.Err = f.uint64(), f.text()
	case Called:
	case Posted:
		r.Name, r.Data = f.text(), f.rest()
	case Fired:
		r.N = f.uint64()
	case Offloaded:
		r.N, r.Err, r.Data = f.uint64(), f.text(), f.rest()
	case Expired, Drained:
		r.Conn = f.uint64()
	case Pressed:
		r.Conn, r.Continued = f.uint64(), f.byte() != 0
	case Gap:
		r.N, r.Bytes = f.uint64(), f.uint64()
	case Stop:
		r.Name = f.text()
	default:
		return r, fmt.Errorf("its kind is unknown: %d", r.Kind)
	}
	switch {
	case f.short:
		return r, errShort
	case len(f.b) > 0:
		return r, errors.New("it is too long")
	}
	return r, nil
}

// fields takes the fields of a record from its front.
type fields struct {
	b     []byte
	short bool // it had fewer than were asked for
}

func (f *fields) take(n int) []byte {
	if n > len(f.b) {
		f.short, f.b = true, nil
		return make([]byte, n) // at most 64 KiB: the length of a text
	}
	taken := f.b[:n]
	f.b = f.b[n:]
	return taken
}

func (f *fields) byte() byte     { return f.take(1)[0] }
func (f *fields) uint16() uint16 { return binary.BigEndian.Uint16(f.take(2)) }
func (f *fields) uint32() uint32 { return binary.BigEndian.Uint32(f.take(4)) }
func (f *fields) uint64() uint64 { return binary.BigEndian.Uint64(f.take(8)) }
func (f *fields) text() string   { return string(f.take(int(f.uint16()))) }

func (f *fields) rest() []byte {
	rest := f.b
	f.b = nil
	return rest
}
