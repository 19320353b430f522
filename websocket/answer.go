package websocket

// The answers to upgrade requests (RFC 6455, section 4.2.2).

import (
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
)

// acceptFor is the proof that a server has understood the key of a request.
func acceptFor(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// appendAccepted appends the answer that agrees to r. It declines all extensions.
func appendAccepted(b []byte, r *Request) []byte {
	b = append(b, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	b = append(b, acceptFor(r.Header.Get("Sec-Websocket-Key"))...)
	if slices.Contains(r.protocols(), Subprotocol) {
		b = append(b, "\r\nSec-WebSocket-Protocol: "+Subprotocol...)
	}
	return append(b, headEnd...)
}

// fields are those of the answer that refuses a request.
func (e *UpgradeError) fields(set func(name, value string)) {
	set("Content-Type", "text/plain; charset=utf-8")
	set("X-Content-Type-Options", "nosniff")
	switch e.Status {
	case http.StatusUpgradeRequired:
		set("Upgrade", "websocket")
		set("Sec-WebSocket-Version", version)
	case http.StatusMethodNotAllowed:
		set("Allow", http.MethodGet)
	}
}

// append appends the answer that refuses a request.
func (e *UpgradeError) append(b []byte) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(e.Status), 10)
	b = append(b, ' ')
	b = append(b, http.StatusText(e.Status)...)
	e.fields(func(name, value string) {
		b = append(append(append(append(b, "\r\n"...), name...), ": "...), value...)
	})
	connection := "close"
	if e.Status == http.StatusUpgradeRequired {
		connection = "close, Upgrade"
	}
	b = append(append(b, "\r\nConnection: "...), connection...)
	b = append(b, "\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(e.Reason)+1), 10)
	b = append(b, headEnd...)
	return append(append(b, e.Reason...), '\n')
}
