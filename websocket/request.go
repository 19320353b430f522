package websocket

// Request: the HTTP request that asks for an upgrade (RFC 6455, sections 4.1 and 4.2.1).

import (
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Request is an HTTP request that asks for an upgrade, as Config.Check sees it. It is valid
// during that call.
type Request struct {
	URL    *url.URL    // what was asked for
	Host   string      // whom it was asked of, as the client says
	Header http.Header // all fields but Host

	// RemoteAddr is the client's address. What proxies say in the header is not looked at.
	RemoteAddr net.Addr

	// Data is for Check to set: it becomes the Data of the conn.
	Data any

	method string
	major  int
	minor  int
}

// Origin is the origin of the page that asks, or empty.
func (r *Request) Origin() string { return r.Header.Get("Origin") }

// parseRequest reads the head of a request.
func parseRequest(head []byte) (*Request, *UpgradeError) {
	line, fields, err := parseHTTPHead(head)
	if err != nil {
		return nil, &UpgradeError{http.StatusBadRequest, "the HTTP header is malformed"}
	}
	method, rest, ok := strings.Cut(line, " ")
	target, version, ok2 := strings.Cut(rest, " ")
	r := &Request{Header: fields, method: method}
	if r.major, r.minor, ok2 = parseVersion(version, ok2); !ok || !ok2 || !isToken(method) {
		return nil, &UpgradeError{http.StatusBadRequest, "the request line is malformed"}
	}
	hosts := fields["Host"]
	if len(hosts) != 1 || !isHost(hosts[0]) {
		return nil, &UpgradeError{http.StatusBadRequest, "there is not one valid Host"}
	}
	r.Host = hosts[0]
	delete(fields, "Host")
	if r.URL, err = url.ParseRequestURI(target); err != nil {
		return nil, &UpgradeError{http.StatusBadRequest, "the request target is malformed"}
	}
	if r.URL.Host != "" { // it takes the place of Host
		r.Host = r.URL.Host
	}
	return r, nil
}

// parseVersion reads "HTTP/1.1". ok must be true.
func parseVersion(s string, ok bool) (major, minor int, valid bool) {
	if !ok || len(s) != len("HTTP/1.1") || !strings.HasPrefix(s, "HTTP/") || s[6] != '.' {
		return 0, 0, false
	}
	major, minor = int(s[5])-'0', int(s[7])-'0'
	return major, minor, major >= 0 && major <= 9 && minor >= 0 && minor <= 9
}

// isHost reports whether s may be a Host: what can be in a URI between the slashes, without a
// user.
func isHost(s string) bool {
	return s != "" && !strings.ContainsAny(s, " \t/?#@\\\"<>")
}

// fault is what is wrong with the request as far as RFC 6455 goes, nil if nothing is.
func (r *Request) fault() *UpgradeError {
	bad := func(reason string) *UpgradeError { return &UpgradeError{http.StatusBadRequest, reason} }
	switch {
	case r.major != 1 || r.minor < 1:
		return &UpgradeError{http.StatusHTTPVersionNotSupported, "an upgrade needs HTTP/1.1"}
	case r.method != http.MethodGet:
		return &UpgradeError{http.StatusMethodNotAllowed, "an upgrade is asked for by GET"}
	case !hasElement(r.Header["Upgrade"], "websocket"), !hasElement(r.Header["Connection"], "upgrade"):
		return &UpgradeError{http.StatusUpgradeRequired, "this is for WebSocket only"}
	case len(r.Header["Sec-Websocket-Version"]) != 1 || r.Header.Get("Sec-Websocket-Version") != version:
		return &UpgradeError{http.StatusUpgradeRequired, "the version of WebSocket is not 13"}
	case len(r.Header["Sec-Websocket-Key"]) != 1:
		return bad("there is not one Sec-WebSocket-Key")
	case !isKey(r.Header.Get("Sec-Websocket-Key")):
		return bad("Sec-WebSocket-Key is not 16 bytes in base64")
	case len(r.Header["Origin"]) > 1:
		return bad("there is more than one Origin")
	case r.Header.Get("Transfer-Encoding") != "", r.Header.Get("Content-Length") != "" && r.Header.Get("Content-Length") != "0":
		return bad("the request has a body")
	}
	for _, p := range r.protocols() {
		if !isToken(p) {
			return bad("Sec-WebSocket-Protocol is malformed")
		}
	}
	return nil
}

// version is that of WebSocket.
const version = "13"

func isKey(s string) bool {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	return err == nil && len(b) == 16
}

// protocols are the subprotocols that the client offers, in its order.
func (r *Request) protocols() []string { return elements(r.Header["Sec-Websocket-Protocol"]) }
