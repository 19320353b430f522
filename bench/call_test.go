package bench

import (
	"bytes"
	"testing"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// A server in mode call answers a call with what it was asked.
func TestServeCalls(t *testing.T) {
	leak.Check(t)
	server := start(t, nil, "serve", "--mode", modeCall)
	addr := server.address()
	echo, reg := defineCall(), registry.NewAdapting()
	if err := reg.Add(echo.Packets()...); err != nil {
		t.Fatal(err)
	}
	client := peer.NewClient(reg, nil)
	defer client.Close()
	if err := client.RunAsync(); err != nil {
		t.Fatal(err)
	}
	c, err := client.Connect(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	sent := payload{Seq: 1 << 40, TS: 7, Body: []byte{0, 1, 2, 0xff}}
	got, err := call.Do(t.Context(), c, echo, &sent)
	if err != nil || got.Seq != sent.Seq || got.TS != sent.TS || !bytes.Equal(got.Body, sent.Body) {
		t.Errorf("the answer is %+v, %v", got, err)
	}
	server.cancel()
	server.wantCode(0)
}
