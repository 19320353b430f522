package attack

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/packetmq/packetmq/siege/wire"
)

// beatCost is the processor time that a heartbeat may take which comes alone, and
// cannot be answered at once: three times what a read, a write that takes
// nothing, and the rest of a turn take.
const beatCost = 20 * time.Microsecond

// tryPartial has thousands of conns send all but the last byte of the largest
// frame there is.
func tryPartial(ctx context.Context, t *trial) error {
	most, err := room()
	if err != nil {
		return err
	}
	frame := frameOf(idEcho, make([]byte, maxFrame-wire.IDSize))
	u := &burden{
		bound: inputBound,
		conns: min(t.of(6000, 100), most), handshake: handshake(true), lasts: frameTime - time.Second,
		says: times(said{frame[:len(frame)-1], 1}),
	}
	return tryBurden(ctx, t, u, besideP99, func() string {
		return fmt.Sprintf("%s conns sent %s, %s closed", count(u.conns), size(u.sent), count(u.closed))
	})
}

// tryBeats has conns clog themselves with answers, send heartbeats one at a
// time, and read all in the end.
func tryBeats(ctx context.Context, t *trial) error {
	echo := frameOf(idEcho, make([]byte, 64<<10-wire.HeaderSize))
	const echoes = 56 // beyond what the kernel takes, and within the soft bound
	u := &burden{
		bound: outputBound,
		conns: t.of(200, 20), handshake: handshakeOf(beatingInit(), true), lasts: 5 * time.Second,
		clogs: true, reads: true,
		first: times(said{echo, echoes}),
		says:  times(said{frameOf(idPing, nil), t.of(20_000, 2000)}),
	}
	beats := func() int64 { return u.sent / wire.HeaderSize }
	err := tryBurden(ctx, t, u, besideP99, func() string {
		return fmt.Sprintf("%s heartbeats on %d clogged conns, %s closed; %s of CPU",
			count(beats()), u.conns, count(u.closed), span(u.used))
	})
	t.want(u.used <= time.Second+time.Duration(beats())*t.within(beatCost), "%d heartbeats took %v of CPU, want at most %v each", beats(), u.used, beatCost)
	return err
}

// tryEarly has conns send heartbeats before they are made, and read nothing.
func tryEarly(ctx context.Context, t *trial) error {
	start := frameOf(idInit, beatingInit())
	u := &burden{
		bound: outputBound,
		conns: t.of(200, 20), lasts: handshakeTime - time.Second, clogs: true,
		says: func() func() []byte {
			pings, begun := batch(frameOf(idPing, nil)), false
			return func() []byte {
				if !begun {
					begun = true
					return start
				}
				return pings
			}
		},
	}
	if err := tryBurden(ctx, t, u, crowdedP99, func() string {
		return fmt.Sprintf("%s heartbeats on %d conns, %s closed", count(u.sent/wire.HeaderSize), u.conns, count(u.closed))
	}); err != nil {
		return err
	}
	return t.unanswered(ctx, u.s)
}

// unanswered sends a heartbeat before authentication, and wants no answer.
func (t *trial) unanswered(ctx context.Context, s *server) error {
	c, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer c.reset()
	c.Write(frames(frameOf(idInit, beatingInit()), frameOf(idPing, nil)))
	c.SetReadDeadline(time.Now().Add(time.Second))
	for {
		f, err := c.next()
		if err != nil {
			return nil
		}
		t.want(f.ID() != idPong, "a heartbeat before authentication was answered")
	}
}

// tryOwed has hundreds of conns ask for much and read nothing.
func tryOwed(ctx context.Context, t *trial) error {
	const each = 6 << 20 // below what may wait for one conn
	frame := frameOf(idEcho, make([]byte, 64<<10-wire.HeaderSize))
	u := &burden{
		bound: outputBound,
		conns: t.of(900, 50), handshake: handshake(true), lasts: 8 * time.Second, clogs: true,
		says: times(said{frame, each / (64 << 10)}),
	}
	return tryBurden(ctx, t, u, crowdedP99, func() string {
		return fmt.Sprintf("%s conns asked for %s, %s closed", count(u.conns), size(u.sent), count(u.closed))
	})
}

// room is how many conns descriptors allow.
func room() (int, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, err
	}
	mine, err := openFiles(os.Getpid())
	most := min(int(limit.Cur), 65536) - int(mine) - spareFiles
	if err == nil && most < 1 {
		err = fmt.Errorf("the limit of descriptors, %d, leaves none for conns", limit.Cur)
	}
	return most, err
}
