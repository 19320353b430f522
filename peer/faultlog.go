package peer

import (
	"github.com/packetmq/packetmq/engine"
)

func (p *Peer) logFault(c *Conn, reason Reason, err error) {
	if ok, skipped := p.lines.Allow(); ok {
		p.cfg.Logger.Warn("conn refused", "conn", c.id, "remote", c.RemoteAddr(),
			"reason", string(reason), "err", err, "skipped", skipped)
	}
}

func (p *Peer) logPanic(c *Conn, err *engine.PanicError) {
	if ok, skipped := p.lines.Allow(); ok {
		p.cfg.Logger.Error("handler panicked", "conn", c.id, "panic", err.Value,
			"stack", string(err.Stack), "skipped", skipped)
	}
}
