package cluster

import (
	"errors"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/room"
	"github.com/packetmq/packetmq/session"
)

// stranger is a member that is neither a session nor a conn.
type stranger struct{ *peer.Conn }

// What cannot be a user, or a user's name, is refused, and nobody is bound.
func TestBindRefuses(t *testing.T) {
	all := newNetwork(1).startAll(t, 2)
	here, _ := all[0].user(t, "ann")
	there, _ := all[1].user(t, "bob")
	for what, test := range map[string]struct {
		member room.Member
		user   string
		want   error
	}{
		"no name":          {here, "", ErrName},
		"a long name":      {here, strings.Repeat("x", MaxName+1), ErrName},
		"a zero byte":      {here, "x\x00", ErrName},
		"nobody":           {nil, "eve", room.ErrNoMember},
		"no session":       {(*session.Session)(nil), "eve", room.ErrNoMember},
		"no conn":          {(*peer.Conn)(nil), "eve", peer.ErrNoConn},
		"another server's": {there, "eve", peer.ErrNoConn},
		"another kind":     {stranger{here}, "eve", room.ErrNoMember},
	} {
		if err := all[0].Bind(test.member, test.user); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", what, err, test.want)
		}
	}
	if at := all[0].Where("eve"); at != "" {
		t.Errorf("eve is at %q", at)
	}
	if at := all[0].Where("ann"); at != "n0" {
		t.Errorf("ann is at %q", at)
	}
}
