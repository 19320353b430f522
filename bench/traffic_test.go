package bench

import (
	"bytes"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/peer"
)

func TestTrafficReplyUnasked(t *testing.T) {
	_, echo, err := clientRegistry()
	if err != nil {
		t.Fatal(err)
	}
	tr := newTraffic(echo, 1, 64)
	c := new(peer.Conn)
	tr.made(c)
	if err := tr.reply(c, tr.packet(0, 0)); err != nil {
		t.Fatal(err)
	}
	r := tr.result()
	if r.Packets != 0 || r.Errors != 1 || !strings.Contains(r.Problem, "answers nothing") {
		t.Errorf("got %+v, %s", r.sample, r.Problem)
	}
}

// What a client does for each packet costs no memory.
func TestTrafficAllocates(t *testing.T) {
	_, echo, err := clientRegistry()
	if err != nil {
		t.Fatal(err)
	}
	tr := newTraffic(echo, 1, 64)
	sent := bytes.Clone(tr.packet(1, 2))
	other := codec.AppendMapHeader(nil, 3)
	other = codec.AppendUint(codec.AppendString(other, "ts"), 2)
	other = codec.AppendUint(codec.AppendString(other, "seq"), 1)
	other = codec.AppendBytes(codec.AppendString(other, "body"), tr.bodies.of(1))
	for name, b := range map[string][]byte{"same bytes": sent, "other order": other} {
		if n := testing.AllocsPerRun(100, func() {
			if err := tr.check(b, 1, 2); err != nil {
				t.Error(err)
			}
			tr.recent.latency.record(12345)
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
