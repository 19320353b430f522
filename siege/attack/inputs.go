package attack

// Row inputs: payloads that kill decoders, and bytes at random.

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/internal/figures"
	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
	"github.com/packetmq/packetmq/siege/wire"
)

const (
	attackers = 16

	// inputGrowth is how much the server's memory may grow at most. There is a frame
	// of 1 MiB from each attacker, and one payload may decode to 16 MiB; and the
	// collector leaves as much garbage as there is in use.
	inputGrowth = 2 * (attackers*wire.MaxFrame + 16<<20)

	// answerWithin is how long a probe may wait at most beside attacks that give
	// the server legitimate work.
	answerWithin = time.Second
)

// tryInputs sends a server of each mode what kills decoders, and bytes at random.
func tryInputs(ctx context.Context, t *trial) error {
	var thrown, refused atomic.Int64
	var growth int64
	var worst time.Duration
	for _, mode := range []string{"raw", "typed", "any"} {
		s, err := t.start(ctx, target.Options{Mode: mode})
		if err != nil {
			return err
		}
		before, probes, err := watch(ctx, s, 4, 5*time.Millisecond)
		if err != nil {
			return err
		}
		throwBombs(ctx, t, s, &thrown, &refused)
		throwJunk(ctx, s, t.pick(4000, 200), &thrown)
		if !s.Alive() {
			t.fail("the server in mode %s has ended: %v\n%s", mode, s.State, s.Log())
			return nil
		}
		_, slowest, err := probes.Stop()
		t.check(err == nil, "mode %s: a polite conn: %v", mode, err)
		t.check(slowest < t.bound(answerWithin), "mode %s: a polite conn waited %v, want at most %v", mode, slowest, answerWithin)
		peak, err := s.PeakRSS()
		if err != nil {
			return err
		}
		growth, worst = max(growth, peak-before), max(worst, slowest)
		t.check(peak-before < inputGrowth, "mode %s: the server grew by %s, want at most %s", mode, figures.Bytes(peak-before), figures.Bytes(inputGrowth))
		t.show("%s inputs, 3 modes, at most +%s (of %s), others waited %s at most",
			figures.Count(thrown.Load()), figures.Bytes(growth), figures.Bytes(inputGrowth), figures.Latency(worst))
	}
	return nil
}

// input is a payload that does harm to a careless decoder.
type input struct {
	name    string
	payload []byte
	valid   bool // msgpack within every limit
}

// bombs returns payloads that exhaust the stack, the memory or the time of a
// careless decoder.
func bombs() []input {
	huge := []byte{0xff, 0xff, 0xff, 0xff}
	whole := wire.MaxFrame - wire.IDSize
	list := []input{
		{"an array of 4 billion", append([]byte{0xdd}, huge...), false},
		{"a map of 4 billion", append([]byte{0xdf}, huge...), false},
		{"4 GiB of bytes", append([]byte{0xc6}, huge...), false},
		{"4 GiB of text", append([]byte{0xdb}, huge...), false},
		{"4 GiB of an ext", append(append([]byte{0xc9}, huge...), 1), false},
		{"arrays in arrays, 1 MiB", bytes.Repeat([]byte{0x91}, whole), false},
		{"maps in maps, 1 MiB", bytes.Repeat([]byte{0x81, 0xa0}, whole/2), false},
		{"maps as keys, 1 MiB", bytes.Repeat([]byte{0x81}, whole), false},
		{"headers that promise the rest, 5 kB", promises(0xdd, 5000), false},
		{"headers that promise the rest, 1 MiB", promises(0xdd, whole), false},
		{"maps that promise the rest, 1 MiB", promises(0xdf, whole), false},
		{"a million nils", append([]byte{0xdd, 0, 0x0f, 0x42, 0x40}, bytes.Repeat([]byte{0xc0}, 1_000_000)...), false},
		{"empty maps, half a million", append([]byte{0xdd, 0, 0x07, 0xa1, 0x20}, bytes.Repeat([]byte{0x80}, 500_000)...), false},
		{"c1", []byte{0xc1}, false},
		{"nothing", nil, false},
		{"bytes after", []byte{0xc0, 0xc0}, false},
		{"no UTF-8", []byte{0xa2, 0xff, 0xfe}, false},
	}
	for _, b := range list[:5] { // where the server expects bytes
		field := wire.AppendText(wire.AppendMap(nil, 1), "body")
		list = append(list, input{b.name + " in a field", append(field, b.payload...), false})
	}
	return list
}

// promises returns n bytes of headers, each of which promises as many elements as
// there are bytes after it.
func promises(code byte, n int) []byte {
	b := make([]byte, 0, n)
	for n >= 10 {
		b = append(b, code)
		b = binary.BigEndian.AppendUint32(b, uint32(n-5)/2)
		if code == 0xdf {
			b = append(b, 0xa0)
			n--
		}
		n -= 5
	}
	return append(b, make([]byte, n)...)
}

// throwBombs has every attacker send every bomb, each on its own conn. A server that
// decodes refuses a bomb; one that does not decode returns it.
func throwBombs(ctx context.Context, t *trial, s *target.Server, thrown, refused *atomic.Int64) {
	list := bombs()
	var all sync.WaitGroup
	for range attackers {
		all.Go(func() {
			for _, b := range list {
				if ctx.Err() != nil || !s.Alive() {
					return
				}
				why, err := sendPayload(ctx, s, b.payload)
				thrown.Add(1)
				switch {
				case err != nil && s.EndsSoon(): // which says it all
				case err != nil:
					t.fail("mode %s: %s: %v", s.Options.Mode, b.name, err)
				case s.Options.Mode == "raw" && why != "":
					t.fail("mode raw: %s: refused with %s", b.name, why)
				case s.Options.Mode != "raw" && why != "reason.payload":
					t.fail("mode %s: %s: got reason %q, want reason.payload", s.Options.Mode, b.name, why)
				case why != "":
					refused.Add(1)
				}
			}
		})
	}
	all.Wait()
}

// sendPayload sends a payload and returns why it was refused, or "" if it came back.
func sendPayload(ctx context.Context, s *target.Server, payload []byte) (wire.Reason, error) {
	c, err := s.Connect(ctx)
	if err != nil {
		return "", err
	}
	defer c.Reset()
	c.SetDeadline(time.Now().Add(client.Patience))
	if err := c.Send(wire.IDEcho, payload); err != nil {
		return "", err
	}
	f, err := c.ReadFrame()
	if why, ok := err.(wire.Reason); ok {
		return why, nil
	}
	if err != nil {
		return "", fmt.Errorf("neither a reply nor a reason: %w", err)
	}
	if f.ID() != wire.IDReply || !bytes.Equal(f.Payload(), payload) {
		return "", fmt.Errorf("the reply is another one")
	}
	return "", nil
}

// throwJunk has the attackers send n inputs at random, each on its own conn.
func throwJunk(ctx context.Context, s *target.Server, n int, thrown *atomic.Int64) {
	var all sync.WaitGroup
	for i := range attackers {
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(i)))
			for range n / attackers {
				if ctx.Err() != nil || !s.Alive() {
					return
				}
				c, err := s.Dial(ctx)
				if err != nil {
					continue // the polite conns tell if the server is the cause
				}
				c.SetDeadline(time.Now().Add(100 * time.Millisecond))
				c.Write(junk(rnd))
				if rnd.IntN(2) == 0 {
					c.TCP.CloseWrite()
					c.ReadReason(100 * time.Millisecond)
				}
				c.Reset()
				thrown.Add(1)
			}
		})
	}
	all.Wait()
}

// junk returns what something else than a client sends, or a client that has gone
// wrong.
func junk(rnd *rand.Rand) []byte {
	whole := wire.Handshake(true)
	switch rnd.IntN(8) {
	case 0:
		return randomBytes(rnd, 1+rnd.IntN(4096))
	case 1:
		return append(whole, randomBytes(rnd, 1+rnd.IntN(4096))...)
	case 2: // framed, so that a decoder sees it
		for range 8 {
			whole = wire.AppendFrame(whole, wire.IDEcho, randomBytes(rnd, rnd.IntN(2000)))
		}
		return whole
	case 3:
		return wire.AppendFrame(whole, uint16(rnd.Uint32()), randomBytes(rnd, rnd.IntN(200)))
	case 4: // a packet in which some bytes are others
		good := wire.NewPacket(1, 1, 64).Append(nil)
		mutate(rnd, good)
		return wire.AppendFrame(whole, wire.IDEcho, good)
	case 5:
		foreign := [][]byte{
			[]byte("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
			append([]byte{0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03}, randomBytes(rnd, 506)...),
			[]byte("SSH-2.0-OpenSSH_9.6\r\n"),
			{0, 0, 0, 0}, {0, 0, 0, 1, 0}, {0xff, 0xff, 0xff, 0xff, 0, 17},
			{0, 0x20, 0, 0, 0, 17}, // 2 MiB, over the frame limit
		}
		return foreign[rnd.IntN(len(foreign))]
	case 6: // cut off, or said twice
		cut := rnd.IntN(len(whole))
		return append(whole[:cut:cut], whole[rnd.IntN(len(whole)):]...)
	default:
		mutate(rnd, whole)
		return whole
	}
}

// mutate changes up to eight bytes.
func mutate(rnd *rand.Rand, b []byte) {
	for range 1 + rnd.IntN(8) {
		b[rnd.IntN(len(b))] = byte(rnd.Uint32())
	}
}

func randomBytes(rnd *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}
