package bench

// Sessions of a server, which its clients may begin.

import (
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/session"
)

// sessionsPerAddr is how many sessions an address may begin, loopback addresses included: few
// enough for an attacker to meet the bound at once.
const sessionsPerAddr = 64

// openSessions has the server take sessions, within the default bounds but for that one.
func openSessions(s *peer.Server) {
	session.Serve(s, &session.Config{Service: session.Service{PerAddr: sessionsPerAddr}})
}
