package websocket

// The heads of HTTP messages: a start line and fields, up to an empty line.

import (
	"bytes"
	"errors"
	"net/http"
	"net/textproto"
	"strings"
)

var (
	errHeadLong = errors.New("websocket: HTTP header is longer than 8 KiB")
	errHead     = errors.New("websocket: malformed HTTP header")
)

// headBuffer gathers a head that comes in pieces. The zero value is empty.
type headBuffer struct{ b []byte }

var headEnd = []byte("\r\n\r\n")

// add takes what is missing of the head from b, and returns how much that was. The head is
// whole if it is not nil; it lies in b or in the buffer.
func (h *headBuffer) add(b []byte) (head []byte, n int, err error) {
	if len(h.b) == 0 {
		if i := bytes.Index(b[:min(len(b), MaxHeader)], headEnd); i >= 0 {
			return b[:i+len(headEnd)], i + len(headEnd), nil
		}
	}
	before := len(h.b)
	n = min(len(b), MaxHeader-before)
	h.b = append(h.b, b[:n]...)
	from := max(before-len(headEnd)+1, 0)
	if i := bytes.Index(h.b[from:], headEnd); i >= 0 {
		end := from + i + len(headEnd)
		return h.b[:end], end - before, nil
	}
	if len(h.b) == MaxHeader {
		return nil, n, errHeadLong
	}
	return nil, n, nil
}

// parseHTTPHead splits a head into its start line and its fields. It is stricter than RFC 9112
// asks for: lines end with CRLF alone, and none is folded.
func parseHTTPHead(head []byte) (start string, fields http.Header, err error) {
	head, ok := bytes.CutSuffix(head, headEnd)
	if !ok {
		return "", nil, errHead
	}
	line, rest, _ := strings.Cut(string(head), "\r\n")
	if !isText(line) {
		return "", nil, errHead
	}
	fields = make(http.Header)
	for rest != "" {
		var field string
		field, rest, _ = strings.Cut(rest, "\r\n")
		name, value, ok := strings.Cut(field, ":")
		if !ok || !isToken(name) || !isText(value) {
			return "", nil, errHead
		}
		name = textproto.CanonicalMIMEHeaderKey(name)
		fields[name] = append(fields[name], strings.Trim(value, " \t"))
	}
	return line, fields, nil
}

// isText reports whether s has no control characters but tabs.
func isText(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// isToken reports whether s is a token of HTTP.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

// elements are those of a field that is a list, in all its lines.
func elements(lines []string) (list []string) {
	for _, line := range lines {
		for e := range strings.SplitSeq(line, ",") {
			if e = strings.Trim(e, " \t"); e != "" {
				list = append(list, e)
			}
		}
	}
	return list
}

// hasElement reports whether a list has an element, whatever its case.
func hasElement(lines []string, want string) bool {
	for _, e := range elements(lines) {
		if strings.EqualFold(e, want) {
			return true
		}
	}
	return false
}
