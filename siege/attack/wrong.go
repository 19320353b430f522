package attack

// Row wrong: what the protocol forbids, each with the reason that the server is to
// give.

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/packetmq/packetmq/internal/figures"
	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
	"github.com/packetmq/packetmq/siege/wire"
)

// wrongCase is what a client says, and why it is refused.
type wrongCase struct {
	name string
	says []byte
	want wire.Reason
}

// frames joins frames.
func frames(f ...[]byte) []byte { return bytes.Join(f, nil) }

// states returns what is wrong whichever side takes over the ids.
func states(adapt bool) []wrongCase {
	start := wire.EncodeFrame(wire.IDInit, wire.Init())
	pubs := wire.EncodeFrame(wire.IDPubIDs, wire.PubIDs(adapt, wire.IDMap()))
	finish := wire.EncodeFrame(wire.IDFinish, []byte{0xc0})
	echo := wire.EncodeFrame(wire.IDEcho, []byte{0xc0})
	version := func(v ...byte) []byte {
		return wire.EncodeFrame(wire.IDInit, append(wire.AppendText(wire.AppendMap(nil, 1), "version"), v...))
	}
	const protocol, payload = "reason.protocol", "reason.payload"
	return []wrongCase{
		{"a packet first", echo, protocol},
		{"pubids first", pubs, protocol},
		{"finish first", finish, protocol},
		{"an unknown id first", wire.EncodeFrame(999, []byte{0xc0}), protocol},
		{"a packet after init", frames(start, echo), protocol},
		{"finish after init", frames(start, finish), protocol},
		{"init twice", frames(start, start), protocol},
		{"pubids twice", frames(start, pubs, pubs), protocol},
		{"finish twice", frames(start, pubs, finish, finish), protocol},
		{"a second handshake", frames(start, pubs, finish, start, pubs, finish), protocol},
		{"a second handshake after a packet", frames(start, pubs, finish, echo, start), protocol},
		{"finish after a packet, twice", frames(start, pubs, echo, finish, finish), protocol},
		{"17 unknown ids", frames(start, pubs, finish, bytes.Repeat(wire.EncodeFrame(999, []byte{0xc0}), 17)), protocol},
		{"a heartbeat, 17 times, that was not announced", frames(start, pubs, finish, bytes.Repeat(wire.EncodeFrame(14, []byte{0xc0}), 17)), protocol},
		{"version 2", version(2), "reason.versionmismatch"},
		{"version 1.0", version(0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0), "reason.versionmismatch"},
		{"no version", wire.EncodeFrame(wire.IDInit, []byte{0x80}), payload},
		{"an init that is no map", wire.EncodeFrame(wire.IDInit, []byte{0x01}), payload},
		{"bytes after init", wire.EncodeFrame(wire.IDInit, append(wire.Init(), 0xc0)), payload},
		{"a long init", wire.EncodeFrame(wire.IDInit, make([]byte, 65)), "reason.frame"},
		{"pubids of the same policy", frames(start, wire.EncodeFrame(wire.IDPubIDs, wire.PubIDs(!adapt, wire.IDMap()))), "reason.sameadaptivepolicy"},
		{"adapt of another kind", frames(start, wire.EncodeFrame(wire.IDPubIDs, bytes.Replace(wire.PubIDs(adapt, wire.IDMap()), []byte{wire.PubIDs(adapt, nil)[7]}, []byte{7}, 1))), "reason.unknown"},
		{"pubids that is no map", frames(start, wire.EncodeFrame(wire.IDPubIDs, []byte{0xc0})), payload},
		{"pubids that ends early", frames(start, wire.EncodeFrame(wire.IDPubIDs, wire.PubIDs(adapt, wire.IDMap())[:40])), payload},
		{"pubids of more than 64 KiB", frames(start, wire.EncodeFrame(wire.IDPubIDs, make([]byte, 64<<10+1))), "reason.frame"},
		{"a finish that says something", frames(start, pubs, wire.EncodeFrame(wire.IDFinish, []byte{0x01})), payload},
		{"a softquit that is none", frames(start, pubs, wire.EncodeFrame(wire.IDSoftquit, []byte{0xc1})), payload},
		{"a frame of length 0", frames(start, pubs, finish, make([]byte, 6)), "reason.frame"},
		{"a frame of 4 GiB", frames(start, pubs, finish, []byte{0xff, 0xff, 0xff, 0xff, 0, 17}), "reason.frame"},
		{"HTTP", []byte("GET / HTTP/1.1\r\n\r\n"), "reason.frame"},
	}
}

// maps returns id maps that are hostile to a server that takes over ids.
func maps() []wrongCase {
	start := wire.EncodeFrame(wire.IDInit, wire.Init())
	with := func(edit func([]wire.IDPair) []wire.IDPair) []byte {
		return frames(start, wire.EncodeFrame(wire.IDPubIDs, wire.PubIDs(false, edit(wire.IDMap()))))
	}
	set := func(i int, p wire.IDPair) []byte {
		return with(func(ids []wire.IDPair) []wire.IDPair { ids[i] = p; return ids })
	}
	raw := func(idmap ...byte) []byte {
		b := wire.AppendBool(wire.AppendText(wire.AppendMap(nil, 2), "adapt"), false)
		return frames(start, wire.EncodeFrame(wire.IDPubIDs, append(wire.AppendText(b, "idmap"), idmap...)))
	}
	const protocol, payload, names = "reason.protocol", "reason.payload", "reason.nonequalpackets"
	return []wrongCase{
		{"another name", set(5, wire.IDPair{Name: "bench:other", ID: wire.IDReply}), names},
		{"a name less", with(func(ids []wire.IDPair) []wire.IDPair { return ids[:5] }), names},
		{"a name more", with(func(ids []wire.IDPair) []wire.IDPair { return append(ids, wire.IDPair{Name: "bench:more", ID: 19}) }), names},
		{"no names", raw(0x80), names},
		{"a name twice", with(func(ids []wire.IDPair) []wire.IDPair { return append(ids, ids[5]) }), protocol},
		{"an id twice", set(5, wire.IDPair{Name: "bench:reply", ID: wire.IDEcho}), protocol},
		{"an id of the protocol", set(5, wire.IDPair{Name: "bench:reply", ID: wire.IDSoftquit}), protocol},
		{"a heartbeat's id", set(5, wire.IDPair{Name: "bench:reply", ID: 14}), protocol},
		{"internal packets elsewhere", set(1, wire.IDPair{Name: "packetmq:softquit", ID: 100}), protocol},
		{"internal packets changed about", with(func(ids []wire.IDPair) []wire.IDPair {
			ids[0].ID, ids[1].ID = ids[1].ID, ids[0].ID
			return ids
		}), protocol},
		{"an id over 65,535", set(5, wire.IDPair{Name: "bench:reply", ID: 65536 + wire.IDReply}), payload},
		{"an id of 64 bits", set(5, wire.IDPair{Name: "bench:reply", ID: 1<<64 - 1}), payload},
		{"a negative id", raw(append(append([]byte{0x81}, wire.Text("bench:echo")...), 0xff)...), payload},
		{"an id that is text", raw(append(append([]byte{0x81}, wire.Text("bench:echo")...), wire.Text("17")...)...), payload},
		{"a map as a name", raw(0x81, 0x80, 0x11), payload},
		{"4,097 names", with(func([]wire.IDPair) []wire.IDPair {
			ids := make([]wire.IDPair, 4097)
			for i := range ids {
				ids[i] = wire.IDPair{Name: fmt.Sprintf("x:%d", i), ID: uint64(16 + i)}
			}
			return ids
		}), payload},
		{"a map of 4 billion", raw(0xdf, 0xff, 0xff, 0xff, 0xff), payload},
		{"an array in its place", raw(0x90), payload},
		{"no idmap", frames(start, wire.EncodeFrame(wire.IDPubIDs, wire.AppendBool(wire.AppendText(wire.AppendMap(nil, 1), "adapt"), false))), payload},
		{"arrays in arrays", raw(bytes.Repeat([]byte{0x91}, 60000)...), payload},
	}
}

// tryWrong says what is forbidden to a server that insists on its ids, and to one
// that takes over the clients'.
func tryWrong(ctx context.Context, t *trial) error {
	cases, echoes := 0, 0
	for _, adapt := range []bool{false, true} {
		s, err := t.start(ctx, target.Options{Adapt: adapt})
		if err != nil {
			return err
		}
		probes, err := client.StartProbes(ctx, &s.Endpoint, 8, 5*time.Millisecond)
		if err != nil {
			return err
		}
		list := states(!adapt)
		if adapt {
			list = append(list, maps()...)
		}
		for range t.pick(20, 1) {
			for _, w := range list {
				cases++
				c, err := s.Dial(ctx)
				if err != nil {
					return err
				}
				c.Write(w.says)
				why, err := c.ReadReason(client.Patience)
				c.Close()
				if ctx.Err() != nil {
					return ctx.Err()
				}
				t.check(err == nil && why == w.want, "%s, adapt %v: got reason %q (%v), want %s", w.name, adapt, why, err, w.want)
			}
		}
		n, slowest, err := probes.Stop()
		echoes += n
		t.check(err == nil, "another conn: %v", err)
		t.check(slowest < t.bound(answerWithin), "another conn waited %v, want at most %v", slowest, answerWithin)
		t.check(s.Alive(), "the server has ended: %v", s.State)
		t.show("%s refusals, each with its reason; %s echoes of others", figures.Count(cases), figures.Count(echoes))
	}
	return nil
}
