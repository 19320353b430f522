package state

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/codec"
)

// The messages that PROTOCOL.md shows are those that are sent.
func TestTheProtocolShowsWhatIsSent(t *testing.T) {
	protocol, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	for what, payload := range map[string][]byte{
		`[0, 0, "game:pos"]`: appendBegins(nil, 0, "game:pos"),
		"[1, 0, 1]":          appendTick(nil, ticked, 0, 1),
		"[3, 0, 7, 9]":       appendRemoves(nil, 0, []uint64{7, 9}),
		"[5, 0, 1]":          appendTick(nil, acks, 0, 1),
	} {
		row := "| `" + hex.EncodeToString(codec.AppendFrame(nil, 11, payload)) + "` | 11 " + what + " |"
		if !strings.Contains(string(protocol), row) {
			t.Errorf("PROTOCOL.md has no row %s", row)
		}
	}
}
