package proxyproto

// The header of either version: what it says, and how it is read.

import (
	"errors"
	"io"
	"net"
	"slices"
)

// Bounds on a header, in bytes.
const (
	MaxV1 = 107  // a whole line of version 1, as the protocol has it
	MaxV2 = 4096 // a whole header of version 2; without extensions it has at most 232

	emptyReads = 100 // reads of nothing in a row before a conn is given up

	minHeader = len(v1Unknown) + len(crlf) // no header of either version is shorter
)

var (
	// ErrNoHeader means that the input does not begin as a header does.
	ErrNoHeader = errors.New("proxyproto: no PROXY header")

	// ErrTooLong means that a header is longer than MaxV1 or MaxV2.
	ErrTooLong = errors.New("proxyproto: PROXY header is too long")

	// ErrMalformed means that a header has begun and breaks a rule. It is wrapped with the
	// rule.
	ErrMalformed = errors.New("proxyproto: malformed PROXY header")

	// ErrChecksum means that a header's checksum does not match.
	ErrChecksum = errors.New("proxyproto: PROXY header has a wrong checksum")
)

// Header is what a proxy says of a conn.
type Header struct {
	// Source is the client's address, a *net.TCPAddr or a *net.UnixAddr. It is nil if the
	// conn is the proxy's own, or if the proxy does not know the client's address.
	Source net.Addr
}

// Parse parses the header that b begins with. While b is the beginning of a header, more is
// the least number of bytes that the rest of it can have: whoever reads no more than that
// takes nothing of what follows the header. If more is 0 and err is nil, b is exactly one
// header; b must not have more than that, which is so if all of it was asked for.
func Parse(b []byte) (h Header, more int, err error) {
	switch {
	case len(b) == 0:
		return Header{}, minHeader, nil
	case begins(b, v2Signature):
		return parseV2(b)
	case begins(b, v1Prefix):
		return parseV1(b)
	}
	return Header{}, 0, ErrNoHeader
}

// begins reports whether b begins with prefix, or is a part of it.
func begins(b []byte, prefix string) bool {
	n := min(len(b), len(prefix))
	return string(b[:n]) == prefix[:n]
}

// Read reads one header from r, and nothing that follows it. got is what was read, so that
// the caller can tell who else it was, if it was no header. An end of r is io.EOF before the
// first byte, and io.ErrUnexpectedEOF after it; io.ErrNoProgress means that r returns nothing.
func Read(r io.Reader) (h Header, got []byte, err error) {
	for empty := 0; empty < emptyReads; empty++ {
		h, more, err := Parse(got)
		if err != nil || more == 0 {
			return h, got, err
		}
		got = slices.Grow(got, more)
		n, err := r.Read(got[len(got) : len(got)+more])
		got = got[:len(got)+n]
		if n > 0 {
			empty = -1 // 0 for the next one
			continue   // an error comes again if more is wanted
		}
		if err == io.EOF && len(got) > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return Header{}, got, err
		}
	}
	return Header{}, got, io.ErrNoProgress
}
