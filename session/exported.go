package session

// exported: a session as it goes from one process to another, in msgpack.

import (
	"errors"
	"fmt"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// The encoding of an exported session, and the one before it, which is still read: copies of
// sessions, and servers that are being replaced, have that. It has no word of the last two fields.
const (
	exportVersion = 3
	olderVersion  = 2

	exportedFields = 15
	olderFields    = 13
)

// ExportError is data that is no session which can be imported.
type ExportError struct{ Err error }

func (e *ExportError) Error() string { return fmt.Sprintf("session: import: %v", e.Err) }

// Unwrap returns the reason.
func (e *ExportError) Unwrap() error { return e.Err }

var errExportVersion = errors.New("another version of the encoding, or no session at all")

// exported is a session on its way between two processes.
type exported struct {
	id           ID
	secret, next secret
	renewing     bool // there is a next
	unconfirmed  bool // secret is a nonce
	in, acked    uint64
	copied       uint64 // of in, what the client was told; where no copies are kept it is not looked at
	claim        uint64
	theirs       window
	packets      []exportedPacket
	blob         []byte

	// restored says that the session comes from a copy, and that its client has not come back since:
	// it may have more than sent packets then, which are those that the copy knows of. Else sent is the
	// number of the last packet.
	restored bool
	sent     uint64
}

// last is the number of the newest packet.
func (x *exported) last() uint64 { return x.acked + uint64(len(x.packets)) }

type exportedPacket struct {
	name    string
	payload []byte
}

func (x *exported) append(b []byte) []byte {
	b = codec.AppendArrayHeader(b, exportedFields)
	b = codec.AppendUint(b, exportVersion)
	b = codec.AppendBytes(b, x.id.append(nil))
	b = codec.AppendBytes(b, x.secret[:])
	if x.renewing {
		b = codec.AppendBytes(b, x.next[:])
	} else {
		b = codec.AppendBytes(b, nil)
	}
	b = codec.AppendBool(b, x.unconfirmed)
	b = codec.AppendUint(b, x.in)
	b = codec.AppendUint(b, x.copied)
	b = codec.AppendUint(b, x.acked)
	b = codec.AppendUint(b, x.claim)
	b = codec.AppendUint(b, uint64(x.theirs.packets))
	b = codec.AppendUint(b, uint64(x.theirs.bytes))
	b = codec.AppendArrayHeader(b, 2*len(x.packets))
	for _, p := range x.packets {
		b = codec.AppendBytes(codec.AppendString(b, p.name), p.payload)
	}
	b = codec.AppendBool(codec.AppendBytes(b, x.blob), x.restored)
	return codec.AppendUint(b, x.sent)
}

// exportReader reads the fields of an exported session, until one of them is wrong.
type exportReader struct {
	rest []byte
	err  error
}

func (r *exportReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *exportReader) uint(most uint64) (v uint64) {
	if r.err == nil {
		v, r.rest, r.err = codec.ReadUint(r.rest)
	}
	if v > most {
		r.fail(fmt.Errorf("%d is over %d", v, most))
	}
	return v
}

func (r *exportReader) bool() (v bool) {
	if r.err == nil {
		v, r.rest, r.err = codec.ReadBool(r.rest)
	}
	return v
}

func (r *exportReader) bytes() (b []byte) {
	if r.err == nil {
		b, r.rest, r.err = codec.ReadText(r.rest)
	}
	return b
}

func (r *exportReader) count() (n int) {
	if r.err == nil {
		n, r.rest, r.err = codec.ReadArrayHeader(r.rest)
	}
	return n
}

// fixed reads bytes of a known length into b.
func (r *exportReader) fixed(b []byte) {
	if got := r.bytes(); len(got) != len(b) {
		r.fail(fmt.Errorf("%d bytes where %d belong", len(got), len(b)))
	} else {
		copy(b, got)
	}
}

// readExported reads what append has written. What it returns lies in b. The memory that it
// takes is in proportion to b, since each packet is two bytes there at least.
func readExported(b []byte) (*exported, error) {
	r := &exportReader{rest: b}
	x := new(exported)
	fields, version := r.count(), r.uint(1<<32)
	older := fields == olderFields && version == olderVersion
	if !older && (fields != exportedFields || version != exportVersion) {
		return nil, &ExportError{errExportVersion}
	}
	var id [idSize]byte
	r.fixed(id[:])
	x.id = readID(id[:])
	r.fixed(x.secret[:])
	if next := r.bytes(); len(next) == secretSize {
		x.next, x.renewing = secret(next), true
	} else if len(next) > 0 {
		r.fail(errors.New("a secret of another length"))
	}
	x.unconfirmed = r.bool()
	x.in, x.copied, x.acked = r.uint(1<<63), r.uint(1<<63), r.uint(1<<63)
	x.claim = r.uint(1<<32 - 1)
	x.theirs.packets = uint32(r.uint(1<<32 - 1))
	x.theirs.bytes = uint32(r.uint(1<<32 - 1))
	n := r.count()
	if n%2 != 0 || n/2 > maxPackets {
		r.fail(errors.New("a wrong number of packets"))
	}
	for range n / 2 {
		p := exportedPacket{name: string(r.bytes()), payload: r.bytes()}
		if len(p.name) > registry.MaxName {
			r.fail(errors.New("the name of a packet is too long"))
		}
		if r.err != nil {
			break
		}
		x.packets = append(x.packets, p)
	}
	x.blob = r.bytes()
	x.sent = x.last()
	if !older {
		x.restored, x.sent = r.bool(), r.uint(x.last())
	}
	if x.sent < x.acked || !x.restored && x.sent != x.last() {
		r.fail(errors.New("a wrong number of packets that were sent"))
	}
	if len(r.rest) > 0 {
		r.fail(codec.ErrTrailing)
	}
	if r.err != nil {
		return nil, &ExportError{r.err}
	}
	return x, nil
}
