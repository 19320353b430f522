package attack

// Rows partial, beats, early and owed: many conns that each make the server keep
// as much as one conn may.

import (
	"context"
	"fmt"
	"time"

	"github.com/packetmq/packetmq/internal/figures"
	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
	"github.com/packetmq/packetmq/siege/wire"
)

// beatCost is the processor time that a heartbeat may take if it comes alone and
// cannot be answered at once. It is three times what a read, a write that takes
// nothing and the rest of a turn take together.
const beatCost = 20 * time.Microsecond

// tryPartial has thousands of conns send all but the last byte of the largest frame.
func tryPartial(ctx context.Context, t *trial) error {
	most, err := room()
	if err != nil {
		return err
	}
	frame := wire.EncodeFrame(wire.IDEcho, make([]byte, wire.MaxFrame-wire.IDSize))
	u := &memoryAttack{
		bound: inputBound,
		conns: min(t.pick(6000, 100), most), handshake: wire.Handshake(true), lasts: frameTime - time.Second,
		says: client.Say(client.Repeat(frame[:len(frame)-1], 1)),
	}
	return tryMemoryAttack(ctx, t, u, crowdedP99, func() string {
		return fmt.Sprintf("%s conns sent %s, %s closed", figures.Count(u.conns), figures.Bytes(u.sent), figures.Count(u.closed))
	})
}

// tryBeats has conns ask for more answers than they take, then send heartbeats one
// at a time, and in the end read everything.
func tryBeats(ctx context.Context, t *trial) error {
	echo := wire.EncodeFrame(wire.IDEcho, make([]byte, 64<<10-wire.HeaderSize))
	const echoes = 56 // beyond what the kernel takes, and within the soft bound
	u := &memoryAttack{
		bound: outputBound,
		conns: t.pick(200, 20), handshake: wire.HandshakeWith(wire.InitWithHeartbeat(), true), lasts: 5 * time.Second,
		clogs: true, reads: true,
		first: client.Say(client.Repeat(echo, echoes)),
		says:  client.Say(client.Repeat(wire.EncodeFrame(wire.IDPing, nil), t.pick(20_000, 2000))),
	}
	beats := func() int64 { return u.sent / wire.HeaderSize }
	err := tryMemoryAttack(ctx, t, u, besideP99, func() string {
		return fmt.Sprintf("%s heartbeats on %d clogged conns, %s closed; %s of CPU",
			figures.Count(beats()), u.conns, figures.Count(u.closed), figures.Latency(u.used))
	})
	t.check(u.used <= time.Second+time.Duration(beats())*t.bound(beatCost), "%d heartbeats took %v of CPU, want at most %v each", beats(), u.used, beatCost)
	return err
}

// tryEarly has conns send heartbeats before their handshake, and read nothing.
func tryEarly(ctx context.Context, t *trial) error {
	start := wire.EncodeFrame(wire.IDInit, wire.InitWithHeartbeat())
	u := &memoryAttack{
		bound: outputBound,
		conns: t.pick(200, 20), lasts: handshakeTime - time.Second, clogs: true,
		says: func() func() []byte {
			pings, begun := client.Batch(wire.EncodeFrame(wire.IDPing, nil)), false
			return func() []byte {
				if !begun {
					begun = true
					return start
				}
				return pings
			}
		},
	}
	if err := tryMemoryAttack(ctx, t, u, crowdedP99, func() string {
		return fmt.Sprintf("%s heartbeats on %d conns, %s closed", figures.Count(u.sent/wire.HeaderSize), u.conns, figures.Count(u.closed))
	}); err != nil {
		return err
	}
	return t.unanswered(ctx, u.s)
}

// unanswered sends a heartbeat before authentication, and fails if it is answered.
func (t *trial) unanswered(ctx context.Context, s *target.Server) error {
	c, err := s.Dial(ctx)
	if err != nil {
		return err
	}
	defer c.Reset()
	c.Write(frames(wire.EncodeFrame(wire.IDInit, wire.InitWithHeartbeat()), wire.EncodeFrame(wire.IDPing, nil)))
	c.SetReadDeadline(time.Now().Add(time.Second))
	for {
		f, err := c.ReadFrame()
		if err != nil {
			return nil
		}
		t.check(f.ID() != wire.IDPong, "a heartbeat before authentication was answered")
	}
}

// tryOwed has hundreds of conns ask for much and read nothing.
func tryOwed(ctx context.Context, t *trial) error {
	const each = 6 << 20 // below what may wait for one conn
	frame := wire.EncodeFrame(wire.IDEcho, make([]byte, 64<<10-wire.HeaderSize))
	u := &memoryAttack{
		bound: outputBound,
		conns: t.pick(900, 50), handshake: wire.Handshake(true), lasts: 8 * time.Second, clogs: true,
		says: client.Say(client.Repeat(frame, each/(64<<10))),
	}
	return tryMemoryAttack(ctx, t, u, crowdedP99, func() string {
		return fmt.Sprintf("%s conns asked for %s, %s closed", figures.Count(u.conns), figures.Bytes(u.sent), figures.Count(u.closed))
	})
}
