package capture

import (
	"bytes"
	"context"
	"encoding/binary"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/session"
)

// The secrets of a session, and secret fields in its packets, are cut out.
func TestSecretsOfSessionsAreCutOut(t *testing.T) {
	leak.Check(t)
	w := startWorld(t, Config{}, nil)
	sessions := session.Serve(w.srv, nil)
	reg, logins, lines := testRegistry(true, 30)
	cli := peer.NewClient(reg, &peer.Config{Reconnect: &peer.Backoff{Min: time.Millisecond}})
	defer cli.Close()
	got := make(chan string, 10)
	peer.Handle(cli, lines, func(_ *peer.Conn, m *line) error {
		got <- m.Text
		return nil
	})
	if err := cli.RunAsync(); err != nil {
		t.Fatal(err)
	}
	s, err := session.Dial(context.Background(), cli, w.addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	greet := func(name string) {
		if err := session.Send(s, logins, &login{Name: name, Password: "lovelace"}); err != nil {
			t.Fatal(err)
		}
		await.Value(t, "greeting", got)
	}
	greet("before")
	for far := range sessions.All() {
		far.Conn().Abort(nil)
	}
	greet("after")
	w.end(t)

	file := w.file.bytes()
	if bytes.Contains(file, []byte("lovelace")) || !bytes.Contains(file, []byte("before")) || !bytes.Contains(file, []byte("after")) {
		t.Error("a secret field of a session's packet is there, or its other fields are not")
	}
	var packets Packets
	var found [4]int // of each kind
	for _, rec := range w.records(t) {
		for _, p := range packets.Add(&rec) {
			if p.ID != idSession {
				continue
			}
			at := map[uint16]int{2: 2 + 14, 3: 2 + 1 + 14}[binary.BigEndian.Uint16(p.Payload)]
			if at == 0 {
				continue
			}
			found[p.Payload[1]]++
			if secret := p.Payload[at : at+16]; !bytes.Equal(secret, make([]byte, 16)) {
				t.Errorf("a secret of kind %d is there: %x", p.Payload[1], secret)
			}
			if id := p.Payload[at-14 : at]; bytes.Equal(id, make([]byte, 14)) {
				t.Error("the session's id is not there")
			}
		}
	}
	if found[2] != 1 || found[3] != 2 {
		t.Errorf("the messages with secrets are %v", found)
	}
}
