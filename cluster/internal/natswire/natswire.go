// Package natswire reads and writes the part of NATS' client protocol that a node needs to speak with
// its own server from a loop: lines, and messages without headers. It does no input or output.
package natswire

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
)

const (
	// MaxLine bounds a line of the server, in bytes. The longest one has the addresses of all servers.
	MaxLine = 64 << 10

	// MaxPayload bounds a message, in bytes: segments are far shorter, hellos too.
	MaxPayload = 1 << 20
)

// ErrProtocol is that the server has said what cannot be read.
var ErrProtocol = errors.New("natswire: what the server says cannot be read")

// Kind is what the server has said.
type Kind int

const (
	Info    Kind = iota + 1 // the first line
	Ping                    // wants a Pong
	Pong                    // the answer to a Ping
	Message                 // of a subscription
	Refusal                 // -ERR: the server mostly closes after it
	Other                   // nothing to be done
)

// Reader finds what the server has said in what came. The zero value is ready.
type Reader struct {
	part []byte // the beginning of something
}

// Read calls f with all that is whole in b and what came before, in order. The text is a message's
// payload, or what follows the word of a line; it is f's until it returns. An error of f's ends
// the reading and is returned.
func (r *Reader) Read(b []byte, f func(kind Kind, text []byte) error) error {
	kept := len(r.part) > 0
	if kept {
		r.part = append(r.part, b...)
		b = r.part
	}
	for {
		kind, text, n, err := next(b)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		b = b[n:]
		if err := f(kind, text); err != nil {
			return err
		}
	}
	switch {
	case kept:
		r.part = append(r.part[:0], b...)
	case len(b) > 0:
		r.part = append(r.part, b...)
	}
	if len(r.part) == 0 && cap(r.part) > MaxLine {
		r.part = nil
	}
	return nil
}

var (
	newline   = []byte("\r\n")
	wordMSG   = []byte("MSG ")
	wordINFO  = []byte("INFO ")
	wordError = []byte("-ERR")
)

// next takes the first thing from b, which is n bytes long; 0: it is not whole.
func next(b []byte) (kind Kind, text []byte, n int, err error) {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		if len(b) > MaxLine {
			return 0, nil, 0, ErrProtocol
		}
		return 0, nil, 0, nil
	}
	line := bytes.TrimSuffix(b[:end], newline[:1])
	switch {
	case bytes.HasPrefix(line, wordMSG):
		return message(b, line, end+1)
	case string(line) == "PING":
		return Ping, nil, end + 1, nil
	case string(line) == "PONG":
		return Pong, nil, end + 1, nil
	case bytes.HasPrefix(line, wordINFO):
		return Info, line[len(wordINFO):], end + 1, nil
	case bytes.HasPrefix(line, wordError):
		return Refusal, bytes.TrimSpace(line[len(wordError):]), end + 1, nil
	case string(line) == "+OK":
		return Other, nil, end + 1, nil
	}
	return 0, nil, 0, ErrProtocol
}

// message takes a message, whose payload begins at from: MSG subject sid [reply] size.
func message(b, line []byte, from int) (kind Kind, payload []byte, n int, err error) {
	size, err := decimal(line[bytes.LastIndexByte(line, ' ')+1:])
	if err != nil {
		return 0, nil, 0, err
	}
	n = from + size + len(newline)
	if len(b) < n {
		return 0, nil, 0, nil
	}
	if !bytes.Equal(b[from+size:n], newline) {
		return 0, nil, 0, ErrProtocol
	}
	return Message, b[from : from+size], n, nil
}

// decimal reads the length of a payload.
func decimal(b []byte) (n int, err error) {
	if len(b) == 0 || len(b) > 7 {
		return 0, ErrProtocol
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, ErrProtocol
		}
		n = 10*n + int(c-'0')
	}
	if n > MaxPayload {
		return 0, ErrProtocol
	}
	return n, nil
}

// AppendConnect appends the first line of a client.
func AppendConnect(b []byte, name, user, password string) []byte {
	text, _ := json.Marshal(map[string]any{ // of texts and truths, which cannot fail
		"verbose": false, "pedantic": false, "headers": false, "echo": true, "protocol": 1,
		"lang": "go", "version": "packetmq", "name": name, "user": user, "pass": password,
	})
	return append(append(append(b, "CONNECT "...), text...), newline...)
}

// AppendSubscribe appends a subscription to a subject. A conn has one.
func AppendSubscribe(b []byte, subject string) []byte {
	return append(append(append(b, "SUB "...), subject...), " 1\r\n"...)
}

// AppendPublish appends what goes before a payload of size bytes. End comes after it.
func AppendPublish(b []byte, subject string, size int) []byte {
	b = append(append(append(b, "PUB "...), subject...), ' ')
	return append(strconv.AppendInt(b, int64(size), 10), newline...)
}

// What else a client says. End is what comes after a payload.
const (
	SayPing = "PING\r\n"
	SayPong = "PONG\r\n"
	End     = "\r\n"
)
