package game

import (
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/session"
)

// player is who is in the arena, from the beginning of its session to the end of it, whether
// or not it has a conn at the moment. Loop only.
type player struct {
	name    string
	session *session.Session
	hall    *hall // nil: it has entered none
	at      Pos
	bag     map[string]int // how many it has of each thing
}

// playerOf is whose conn it is. It is nil for a conn that has no session yet.
func playerOf(c *peer.Conn) *player {
	p, _ := c.Data().(*player)
	return p
}

// tell says something to the player. It arrives once, though the player be away for a moment.
func (p *player) tell(m *Said) error { return session.Send(p.session, said, m) }

// take takes a thing out of the bag.
func (p *player) take(item string) (left int, err error) {
	if p.bag[item] == 0 {
		return 0, missing.With(Missing{Item: item, Has: p.things()})
	}
	p.bag[item]--
	return p.bag[item], nil
}

// things is how many things are in the bag.
func (p *player) things() (n int) {
	for _, of := range p.bag {
		n += of
	}
	return n
}
