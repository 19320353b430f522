package bench

// The mode call of a server: it answers calls in place of packets.

import (
	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// The call, and the id of its request; that of its answer is the next.
const (
	callName = "bench:call"
	callID   = 19
)

func defineCall() call.Call[payload, payload] {
	return call.Define[payload, payload](callName, callID, registry.Reuse())
}

// answerCalls answers each call with what it is asked.
func answerCalls(s *peer.Server) error {
	echo := defineCall()
	if err := s.Registry().Add(echo.Packets()...); err != nil {
		return err
	}
	call.Handle(s, echo, func(_ *call.Context, p *payload) (*payload, error) { return p, nil })
	return nil
}
