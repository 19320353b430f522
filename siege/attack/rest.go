package attack

// Row rest: after all other rows, and after the same attack six times over, a
// server has in use what it had before.

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/internal/figures"
	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
	"github.com/packetmq/packetmq/siege/wire"
)

// rssDrift is how much more memory a server may have after three more rounds of the
// same attack, of 1,000 conns each. The bound leaves room for some pages.
const rssDrift = 1 << 20

// tryRest looks at what the servers of all rows had in use in the end, and attacks
// one more server in the same way again and again.
func (l *leftovers) tryRest(ctx context.Context, t *trial) error {
	s, err := t.start(ctx, target.Options{Mode: "typed"})
	if err != nil {
		return err
	}
	var settled target.Resources // after some rounds: maps and pools have grown by then
	rounds := t.pick(6, 2)
	for i := range rounds {
		t.show("round %d of %d", i+1, rounds)
		mixedAttack(ctx, s, t.pick(1000, 100))
		h, err := s.WaitIdle(ctx)
		if err != nil {
			return err
		}
		if i == rounds/2-1 {
			settled = h
		}
		if i < rounds-1 {
			continue
		}
		if kept := h.Excess(s.Before); kept != "" {
			t.fail("after %d rounds the server keeps%s", rounds, kept)
		}
		drift := h.RSS - settled.RSS
		t.check(drift < rssDrift, "its memory went from %s to %s in %d rounds, want at most %s more",
			figures.Bytes(settled.RSS), figures.Bytes(h.RSS), rounds-rounds/2, figures.Bytes(rssDrift))
		l.mu.Lock()
		for _, w := range l.wrong {
			t.fail("%s", w)
		}
		t.show("%d servers: goroutines, descriptors, conns, buffers as before; RSS %s → %s in %d rounds (%+.1f %%)",
			l.servers+1, figures.Bytes(settled.RSS), figures.Bytes(h.RSS), rounds-rounds/2, 100*float64(drift)/float64(settled.RSS))
		l.mu.Unlock()
	}
	return nil
}

// mixedAttack is n conns that do a little of what all rows do.
func mixedAttack(ctx context.Context, s *target.Server, n int) {
	list := bombs()
	var at atomic.Int64
	client.Parallel(n, func() {
		i := int(at.Add(1))
		rnd := rand.New(rand.NewPCG(2, uint64(i)))
		if i%50 == 0 {
			sendPayload(ctx, s, list[i/50%len(list)].payload)
			return
		}
		if i%2 == 0 {
			vanish(ctx, s, rnd, uint64(i))
			return
		}
		c, err := s.Dial(ctx)
		if err != nil {
			return
		}
		c.SetDeadline(time.Now().Add(100 * time.Millisecond))
		c.Write(junk(rnd))
		c.Reset()
	})
}

// vanish connects, talks for a while, and goes in one of the ways in which clients
// go. It returns what went wrong before that.
func vanish(ctx context.Context, s *target.Server, rnd *rand.Rand, tag uint64) error {
	c, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	for seq := range uint64(rnd.IntN(8)) {
		if err := c.Echo(wire.NewPacket(tag, seq, rnd.IntN(4000)), true); err != nil {
			c.Close()
			return err
		}
	}
	frame := wire.EncodeFrame(wire.IDEcho, wire.NewPacket(tag, 99, rnd.IntN(20_000)).Append(nil))
	switch rnd.IntN(5) {
	case 0: // as the protocol says
		c.Send(wire.IDSoftquit, append(append([]byte{0x81}, wire.Text("reason")...), wire.Text("reason.bye")...))
		c.ReadReason(client.Patience)
		c.Close()
	case 1:
		c.Close()
	case 2:
		c.Reset()
	case 3: // with a reply on the way
		c.Write(frame)
		c.Reset()
	case 4: // in the middle of a frame
		c.Write(frame[:len(frame)/2])
		c.Reset()
	}
	return nil
}
