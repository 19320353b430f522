package cluster

// Subjects of durable packets: names of users and rooms as parts of NATS subjects.

import (
	"encoding/hex"
	"strings"
)

// Below the prefix of the cluster, with user and room as tokens:
//
//	durable.user.USER     packets of a user, in the stream of packets
//	durable.room.ROOM     packets of a room, in the same stream
//	live.user.USER        what is stored, told to who is subscribed
//	live.room.ROOM        the same
//	member.USER.ROOM      a durable member of a room, in the stream of members
//	enrolled.USER         says that the user has joined or left a room
//	yield.NODE            asks a node to stop sending to a user
func (d *durable) subject(of string, names ...string) string {
	s := d.n.subject(of)
	for _, name := range names {
		s += "." + name
	}
	return s
}

// at is the subject of a target's packets: of is "durable" or "live".
func (d *durable) at(of string, user, room string) string {
	if user != "" {
		return d.subject(of, "user", token(user))
	}
	return d.subject(of, "room", token(room))
}

// isPlain reports whether a byte may stand in a token as it is.
func isPlain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

// token is a name as one token of a subject, in letters that a subject may have: others are
// written as = and two hexadecimal digits.
func token(name string) string {
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; isPlain(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('=')
			b.WriteString(hex.EncodeToString([]byte{c}))
		}
	}
	return b.String()
}

// nameOf is the name of a token. ok is false if it is none.
func nameOf(token string) (name string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(token); i++ {
		if token[i] != '=' {
			b.WriteByte(token[i])
			continue
		}
		if i+3 > len(token) {
			return "", false
		}
		c, err := hex.DecodeString(token[i+1 : i+3])
		if err != nil {
			return "", false
		}
		b.WriteByte(c[0])
		i += 2
	}
	return b.String(), b.Len() > 0
}

// lastName is the name in the last token of a subject.
func lastName(subject string) (string, bool) {
	return nameOf(subject[strings.LastIndexByte(subject, '.')+1:])
}
