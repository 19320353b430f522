package inspect

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/packetmq/packetmq/internal/peertest"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// A trace shows both ways of a conn, decoded, and nothing that is secret.
func TestTraceShowsPacketsWithoutSecrets(t *testing.T) {
	got := make(chan string, 1)
	peertest.Everywhere(t, newSide, answering(got), func(t *testing.T, w *peertest.World) {
		c := newConsole(t, w.Server, Config{Authorise: anybody})
		events := opened(t, c.request("trace", fmt.Sprintf(`{"conn":%d}`, w.AtServer.ID())))
		nextEvent(t, events) // the trace has begun
		v := &Login{Name: "bob", Password: "hunter2"}
		v.Inner.Token, v.Inner.N = []byte("hunter3"), 7
		if err := peer.Send(w.AtClient, login, v); err != nil {
			t.Fatal(err)
		}
		<-got
		for _, want := range []string{
			`"direction":"received","packet":"test:login"`,
			`"direction":"sent","packet":"test:hello"`,
		} {
			e := nextEvent(t, events)
			if e.name != "packet" || !strings.Contains(e.data, want) || !strings.Contains(e.data, "bob") || strings.Contains(e.data, "hunter") {
				t.Errorf("event %s: %s; want %s", e.name, e.data, want)
			}
		}
		w.AtServer.Close()
		if e := nextEvent(t, events); e.name != "end" {
			t.Errorf("event %s after the end of the conn", e.name)
		}
	})
}

// A trace that nobody reads fast enough leaves packets out, and says how many.
func TestTraceLeavesOutWhatIsTooMuch(t *testing.T) {
	const packets = 3 * maxTraceQueue
	handled := make(chan struct{}, packets)
	w := peertest.OverMemory(true)(t, newSide(false), newSide(true), func(w *peertest.World) {
		peer.Handle(w.Server, hello, func(*peer.Conn, *string) error { handled <- struct{}{}; return nil })
	})
	text := "x"
	send := func() {
		if err := peer.Send(w.AtClient, hello, &text); err != nil {
			t.Error(err)
		}
	}
	var begun atomic.Bool
	first := make(chan struct{})
	go func() { // nobody is told that the trace begins, but by its first packet
		defer close(first)
		for !begun.Load() {
			send()
			<-handled
		}
	}()
	errEnough := errors.New("enough")
	skipped := uint64(0)
	err := New(w.Server, Config{}).Trace(t.Context(), w.AtServer, func(p *Traced) error {
		if !begun.Swap(true) {
			<-first
			for range packets { // while this goroutine takes none
				send()
			}
			for range packets {
				<-handled
			}
		}
		if skipped += p.Skipped; skipped > 0 {
			return errEnough
		}
		send() // the next one tells
		<-handled
		return nil
	})
	if err != errEnough || skipped == 0 {
		t.Errorf("ended with %v, %d skipped", err, skipped)
	}
}

func TestTraceIsOfItsPeersConns(t *testing.T) {
	w := peertest.OverMemory(true)(t, newSide(false), newSide(true), func(*peertest.World) {})
	for _, c := range []*peer.Conn{nil, w.AtClient} {
		if err := New(w.Server, Config{}).Trace(t.Context(), c, nil); !errors.Is(err, peer.ErrNoConn) {
			t.Errorf("tracing %v: %v", c, err)
		}
	}
}

// A packet without a Go type is shown only where the program says so.
func TestUntypedPacketsAreNotShown(t *testing.T) {
	for show, want := range map[bool]string{false: "no Go type", true: "hunter2"} {
		reg := registry.New()
		typ, err := reg.AddObject("test:untyped", 50, nil)
		if err != nil {
			t.Fatal(err)
		}
		srv := peer.NewMemoryServer(reg, nil)
		defer srv.Close()
		p := &tracedPacket{packet: typ, payload: []byte("\x81\xa1p\xa7hunter2")}
		b, err := json.Marshal(New(srv, Config{ShowUntyped: show}).traced(p))
		if err != nil || !strings.Contains(string(b), want) || strings.Contains(string(b), "hunter2") != show {
			t.Errorf("shown with ShowUntyped %v: %s, %v", show, b, err)
		}
	}
}
