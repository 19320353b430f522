package otel

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/codec"
)

// The bytes of PROTOCOL.md are those that travel.
func TestTheBytesOfTheProtocol(t *testing.T) {
	text, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	m := carrier{"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
	payload := codec.AppendBytes([]byte{0x92, 1}, m.append(nil))
	if frame := hex.EncodeToString(codec.AppendFrame(nil, 10, payload)); !strings.Contains(string(text), "`"+frame+"`") {
		t.Errorf("PROTOCOL.md does not have %s", frame)
	}
}
