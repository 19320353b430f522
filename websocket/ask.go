package websocket

// The request of a client, and what it makes of the answer (RFC 6455, section 4.1).

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// newKey makes the key of a request.
func newKey() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}

// reserved are the fields that Config.Header cannot set.
var reserved = []string{"Host", "Upgrade", "Connection", "Content-Length", "Transfer-Encoding",
	"Sec-Websocket-Key", "Sec-Websocket-Version", "Sec-Websocket-Extensions"}

// appendRequest appends the request for an upgrade at addr, which Connect was given.
func (c *Config) appendRequest(b []byte, addr, key string) ([]byte, error) {
	u, err := url.Parse(addr)
	switch {
	case err != nil:
		return b, &UpgradeError{Reason: "the address is malformed: " + err.Error()}
	case u.Fragment != "" || u.User != nil:
		return b, &UpgradeError{Reason: "an address has neither a user nor a fragment"}
	}
	b = append(append(b, "GET "...), u.RequestURI()...)
	b = append(append(b, " HTTP/1.1\r\nHost: "...), u.Host...)
	b = append(b, "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "+version+"\r\nSec-WebSocket-Key: "...)
	b = append(b, key...)
	for name, values := range c.Header {
		name = http.CanonicalHeaderKey(name)
		if !isToken(name) || slices.Contains(reserved, name) {
			return b, &UpgradeError{Reason: "Config.Header may not have " + strconv.Quote(name)}
		}
		for _, v := range values {
			if !isText(v) {
				return b, &UpgradeError{Reason: "Config.Header has a control character"}
			}
			b = append(append(append(append(b, "\r\n"...), name...), ": "...), v...)
		}
	}
	if c.Header.Get("Sec-WebSocket-Protocol") == "" {
		b = append(b, "\r\nSec-WebSocket-Protocol: "+Subprotocol...)
	}
	return append(b, headEnd...), nil
}

// offered are the subprotocols that a request of a client offers.
func (c *Config) offered() []string {
	if own := elements(c.Header.Values("Sec-WebSocket-Protocol")); len(own) > 0 {
		return own
	}
	return []string{Subprotocol}
}

// checkAnswer reads the head of an answer to the request with that key. Nil means that the
// server agrees.
func (c *Config) checkAnswer(head []byte, key string) *UpgradeError {
	line, h, err := parseHTTPHead(head)
	v, rest, ok := strings.Cut(line, " ")
	code, text, _ := strings.Cut(rest, " ")
	status, convErr := strconv.Atoi(code)
	if _, _, valid := parseVersion(v, ok); err != nil || !valid || convErr != nil || len(code) != 3 {
		return &UpgradeError{Reason: "the other side does not answer in HTTP"}
	}
	protocols := elements(h["Sec-Websocket-Protocol"])
	switch {
	case status != http.StatusSwitchingProtocols:
		return &UpgradeError{status, text}
	case !hasElement(h["Upgrade"], "websocket"), !hasElement(h["Connection"], "upgrade"):
		return &UpgradeError{Reason: "the answer upgrades to something else"}
	case len(h["Sec-Websocket-Accept"]) != 1 || h.Get("Sec-Websocket-Accept") != acceptFor(key):
		return &UpgradeError{Reason: "the answer is not to this request"}
	case len(elements(h["Sec-Websocket-Extensions"])) > 0:
		return &UpgradeError{Reason: "the answer has an extension that nobody asked for"}
	case len(protocols) > 1 || len(protocols) == 1 && !slices.Contains(c.offered(), protocols[0]):
		return &UpgradeError{Reason: "the answer has a subprotocol that nobody asked for"}
	}
	return nil
}
