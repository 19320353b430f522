package capture

import (
	"bytes"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
)

func TestACaptureHasTheConversationInItsOrder(t *testing.T) {
	leak.Check(t)
	w := startWorld(t, Config{}, nil)
	c := w.connect(t, nil)
	c.say(t, "one")
	c.say(t, "two")
	c.conn.Close()
	await.Value(t, "end", w.lost)
	await.True(t, "the conn is gone", func() bool { return w.srv.Reactor().Conns() == 0 })
	w.end(t)

	var packets Packets
	var said []string
	var kinds = make(map[Kind]int)
	for _, rec := range w.records(t) {
		kinds[rec.Kind]++
		for _, p := range packets.Add(&rec) {
			if p.Name == "test:line" {
				v, err := p.Value()
				if err != nil {
					t.Fatal(err)
				}
				said = append(said, arrow(p.Out)+v.(map[string]any)["Text"].(string))
			}
		}
	}
	if got := strings.Join(said, " "); got != "<-one ->one <-two ->two" {
		t.Errorf("packets are %s", got)
	}
	for _, k := range []Kind{Opened, Input, Output, Ended, Closed, Stop} {
		if kinds[k] == 0 {
			t.Errorf("there is no %v", k)
		}
	}
	if kinds[Opened] != 1 || kinds[Closed] != 1 || kinds[Gap] != 0 {
		t.Errorf("records are %v", kinds)
	}
	if s := w.rec.Stats(); s.Dropped != 0 || s.Conns != 1 || s.Bytes != uint64(len(w.file.bytes())) {
		t.Errorf("stats are %+v of %d bytes", s, len(w.file.bytes()))
	}
}

func TestDumpShowsNamesAndValues(t *testing.T) {
	leak.Check(t)
	w := startWorld(t, Config{}, nil)
	w.connect(t, nil).say(t, "good evening")
	w.end(t)

	r, err := Open(bytes.NewReader(w.file.bytes()))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := Dump(&text, r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"opened conn 1 tcp", "<- packetmq:handshake_init", "<- test:line map[Text:good evening]", "-> test:line map[Text:good evening]"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("there is no %q in\n%s", want, text.String())
		}
	}
}

func TestSecretsAreCutOut(t *testing.T) {
	leak.Check(t)
	w := startWorld(t, Config{}, func(_ *world, pc *peer.Config) {
		pc.Authenticate = func(*peer.Conn, peer.Credentials) error { return nil }
	})
	c := w.connect(t, &peer.Config{Identity: peer.Identity{Token: func(*peer.Conn) []byte { return []byte("top-secret-token") }}})
	if err := peer.Send(c.conn, c.login, &login{Name: "ada", Password: "lovelace1815"}); err != nil {
		t.Fatal(err)
	}
	if got := await.Value(t, "greeting", c.got); got != "hello ada" {
		t.Fatalf("greeting is %q", got)
	}
	w.end(t)

	file := string(w.file.bytes())
	for _, secret := range []string{"top-secret", "lovelace", "1815"} {
		if strings.Contains(file, secret) {
			t.Errorf("%q is in the file", secret)
		}
	}
	if !strings.Contains(file, "xxxxxxxxxxxx") || !strings.Contains(file, "ada") {
		t.Error("the secret's length, or what is not secret, is not in the file")
	}
}

func TestOnlyChosenConnsAreCaptured(t *testing.T) {
	leak.Check(t)
	none := func(*engine.Conn) bool { return false }
	w := startWorld(t, Config{Conns: none}, nil)
	w.connect(t, nil).say(t, "unheard")
	w.end(t)
	for _, rec := range w.records(t) {
		if rec.Conn > 0 {
			t.Errorf("there is %v", rec)
		}
	}
}
