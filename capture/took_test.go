package capture

import (
	"bytes"
	"slices"
	"testing"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
)

// pushed is a transport that has all of its input at once.
type pushed struct {
	sink  engine.Sink
	input []byte
}

func (p *pushed) Open(s engine.Sink) { p.sink = s }
func (p *pushed) Pump() (more bool) {
	p.input = p.input[p.sink.Received(p.input):]
	return len(p.input) > 0
}
func (p *pushed) Write(b *engine.Buffer) error {
	p.sink.Loop().Buffers().Put(b)
	return nil
}
func (p *pushed) Buffered() int     { return 0 }
func (p *pushed) CloseWrite() error { return nil }
func (p *pushed) Close()            {}

// What the handler leaves of its input, because the conn had its share of a turn, is in the file once.
func TestInputThatWaitsIsRecordedOnceAndPlayed(t *testing.T) {
	leak.Check(t)
	server := func(cfg *peer.Config) *peer.Server {
		reg, logins, lines := testRegistry(false, 20)
		cfg.SkipHandshake = true
		srv := peer.NewServer(reg, cfg)
		echo(srv, logins, lines)
		return srv
	}
	var file buffer
	rec := New(&file, Config{})
	v := engine.NewVirtual(&engine.Config{Tap: rec})
	tr := new(pushed)
	for range 1000 {
		tr.input = codec.AppendFrame(tr.input, 21, []byte("\x81\xa4Text\xa2hi"))
	}
	want := bytes.Clone(tr.input)
	if _, err := server(&peer.Config{Reactor: v.Reactor()}).Attach(tr, nil); err != nil {
		t.Fatal(err)
	}
	v.Settle(10)
	tr.sink.Wake(nil)
	v.Settle(1000)
	v.Close()
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}

	var got []byte
	var took []uint64
	for _, r := range recordsOf(t, file.bytes()) {
		if r.Kind == Input {
			got = append(got, r.Data...)
		}
		if r.Kind == Took {
			took = append(took, r.N)
		}
	}
	share := uint64(256 * len(want) / 1000)
	if !bytes.Equal(got, want) || !slices.Equal(took, []uint64{share, share, share}) {
		t.Errorf("%d bytes of %d came, and these were taken: %d", len(got), len(want), took)
	}
	result, err := Play(bytes.NewReader(file.bytes()), func(r *engine.Reactor) Program {
		return Program{Server: server(&peer.Config{Reactor: r})}
	}, nil)
	if err != nil || len(result.Differences) > 0 || result.Compared != uint64(len(want)) {
		t.Errorf("it was played with %+v, %v", result, err)
	}
}
