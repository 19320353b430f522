package proxyproto

// Version 1: a line of text.
//
//	PROXY TCP4 192.0.2.1 198.51.100.1 40000 443\r\n
//	PROXY UNKNOWN anything\r\n

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

const (
	v1Prefix  = "PROXY "
	v1Unknown = "PROXY UNKNOWN"
	v1Spaces  = 5 // of a line with addresses
	crlf      = "\r\n"
)

// parseV1 is Parse for b that begins with v1Prefix, or is a part of it.
func parseV1(b []byte) (h Header, more int, err error) {
	end := bytes.IndexAny(b, crlf)
	line := string(b)
	if end >= 0 {
		line = string(b[:end])
	}
	switch rest := string(b[len(line):]); {
	case len(b) > MaxV1:
		return Header{}, 0, ErrTooLong
	case rest == crlf:
		h.Source, err = parseLine(line)
		return h, 0, err
	case rest == "":
		more = max(restOfLine(line), minHeader-len(b))
	case rest == crlf[:1]:
		more = 1
	default:
		return Header{}, 0, malformed("the line does not end with CR and LF")
	}
	if len(b)+more > MaxV1 {
		return Header{}, 0, ErrTooLong
	}
	return Header{}, more, nil
}

// restOfLine is the least number of bytes that a line lacks, with its end.
func restOfLine(line string) int {
	if begins([]byte(line), v1Unknown) {
		return len(crlf)
	}
	missing := v1Spaces - strings.Count(line, " ")
	return 2*max(missing, 0) + len(crlf) // a space and at least one byte each
}

// parseLine parses a line without its end. The source of an unknown conn is nil.
func parseLine(line string) (net.Addr, error) {
	if unknown, ok := strings.CutPrefix(line, v1Unknown); ok && (unknown == "" || unknown[0] == ' ') {
		return nil, nil
	}
	field := strings.Split(line, " ")
	if len(field) != v1Spaces+1 {
		return nil, malformed("%q has not six fields", line)
	}
	source, err := parseEndpoint(field[1], field[2], field[4])
	if err == nil {
		_, err = parseEndpoint(field[1], field[3], field[5])
	}
	if err != nil {
		return nil, err
	}
	return source, nil
}

// parseEndpoint parses an address and a port of the family TCP4 or TCP6.
func parseEndpoint(family, address, port string) (*net.TCPAddr, error) {
	addr, err := netip.ParseAddr(address)
	switch {
	case family != "TCP4" && family != "TCP6":
		return nil, malformed("%q is no family", family)
	case err != nil || addr.Zone() != "" || addr.Is4() != (family == "TCP4"):
		return nil, malformed("%q is no address of %s", address, family)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || strconv.FormatUint(n, 10) != port {
		return nil, malformed("%q is no port", port)
	}
	return tcpAddr(addr, uint16(n)), nil
}

func tcpAddr(addr netip.Addr, port uint16) *net.TCPAddr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr.Unmap(), port))
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}
