package inspect

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/peertest"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// The JSON has what the peer does, over every transport.
func TestJSONHasWhatThePeerDoes(t *testing.T) {
	got := make(chan string, 1)
	peertest.Everywhere(t, newSide, answering(got), func(t *testing.T, w *peertest.World) {
		c := newConsole(t, w.Server, Config{
			Rooms:   func(*peer.Conn) []string { return []string{"lobby"} },
			Session: func(*peer.Conn) string { return "bob" },
		})
		if err := peer.Send(w.AtClient, login, &Login{Name: "bob"}); err != nil {
			t.Fatal(err)
		}
		<-got
		s := c.snapshot("")
		if s.Incomplete != "" || s.Open != 1 || s.Active != 1 || s.Made != 1 || s.Matching != 1 || s.Sort != "pending_out" {
			t.Errorf("the snapshot is %+v", s.Totals)
		}
		conn := s.Conns[0]
		if conn.Conn != w.AtServer.ID() || conn.State != "active" || conn.Transport != w.AtServer.Transport() || conn.Transport == "" ||
			conn.Rooms[0] != "lobby" || conn.Session != "bob" || conn.In.Packets != 1 || conn.Out.Packets != 1 {
			t.Errorf("the conn is %+v", conn)
		}
		if len(conn.Packets) != 2 || conn.Packets[0].Packet != "test:login" {
			t.Errorf("its packets are %+v", conn.Packets)
		}
		if i := slices.IndexFunc(s.Packets, func(p Packet) bool { return p.Packet == "test:hello" }); i < 0 || s.Packets[i].Out.Packets != 1 || s.Packets[i].Handler != nil {
			t.Errorf("the packets are %+v", s.Packets)
		}
		if len(s.Loops) != 1 || s.Loops[0].Conns == 0 || s.Loops[0].Callbacks == 0 {
			t.Errorf("the loops are %+v", s.Loops)
		}
		if i := slices.IndexFunc(s.Limits, func(l Limit) bool { return l.Limit == "MaxConns" }); i < 0 || s.Limits[i].Used == 0 || s.Limits[i].Most == 0 {
			t.Errorf("the limits are %+v", s.Limits)
		}
		if s.Actions || s.Level != "" {
			t.Error("there are actions without Authorise")
		}
	})
}

// The console of a server tells how many sockets are half open; other peers accept none.
func TestOnlyServersHaveHalfOpenSockets(t *testing.T) {
	reg := registry.New()
	srv, cli := peer.NewServer(reg, nil), peer.NewClient(reg, nil)
	defer srv.Close()
	defer cli.Close()
	for _, test := range []struct {
		h    peer.Host
		want bool
	}{{srv, true}, {cli, false}} {
		limits := New(test.h, Config{}).limits()
		i := slices.IndexFunc(limits, func(l Limit) bool { return l.Limit == "HalfOpen" })
		if (i >= 0) != test.want || i >= 0 && limits[i].Most != peer.DefaultHalfOpen {
			t.Errorf("the limits of %T are %+v", test.h, limits)
		}
	}
}

// Why conns ended is counted by reasons of the program too, if it has named them, and nothing
// else that another side has chosen.
func TestEndsAreByReason(t *testing.T) {
	newSide := func(adapt bool) *peertest.Side {
		s := newSide(adapt)
		s.Cfg.Reasons = []peer.Reason{"shop.closed"}
		return s
	}
	for reason, want := range map[peer.Reason]string{"shop.closed": "shop.closed", "chosen by a stranger": "other", peer.ReasonGeneric: "reason.generic"} {
		t.Run(want, func(t *testing.T) {
			peertest.Everywhere(t, newSide, func(*peertest.World) {}, func(t *testing.T, w *peertest.World) {
				lost := make(chan struct{})
				w.Server.Observe(peer.Observer{Lost: func(*peer.Conn, error) { close(lost) }})
				w.AtClient.Softquit(reason)
				<-lost
				if s := newConsole(t, w.Server, Config{}).snapshot(""); len(s.Ends) != 1 || s.Ends[0] != (Count{want, 1}) {
					t.Errorf("the ends are %+v", s.Ends)
				}
			})
		})
	}
}

// The page is live: a snapshot comes at once, and then again and again.
func TestEventsComeAgainAndAgain(t *testing.T) {
	peertest.Everywhere(t, newSide, func(*peertest.World) {}, func(t *testing.T, w *peertest.World) {
		c := newConsole(t, w.Server, Config{Every: time.Millisecond})
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+"?format=events&sort=conn", nil)
		if err != nil {
			t.Fatal(err)
		}
		events := opened(t, r)
		for range 3 {
			e := nextEvent(t, events)
			var s shown
			if err := json.Unmarshal([]byte(e.data), &s); err != nil || e.name != "snapshot" || len(s.Conns) != 1 || s.Sort != "conn" {
				t.Fatalf("event %q, %v: %s", e.name, err, e.data)
			}
		}
	})
}

// Pages that are live are bounded, and one that goes makes room for another.
func TestViewersAreBounded(t *testing.T) {
	w := peertest.OverMemory(true)(t, newSide(false), newSide(true), func(*peertest.World) {})
	c := newConsole(t, w.Server, Config{Viewers: 1, Every: time.Millisecond})
	first, err := http.Get(c.url + "?format=events")
	if err != nil || first.StatusCode != http.StatusOK {
		t.Fatal(first, err)
	}
	c.get("?format=events", http.StatusServiceUnavailable)
	first.Body.Close()
	for { // until the server has noticed
		answer, err := http.Get(c.url + "?format=events")
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			break
		}
	}
}

// The page needs nothing from elsewhere, and allows no script but its own.
func TestThePageIsWhole(t *testing.T) {
	w := peertest.OverMemory(true)(t, newSide(false), newSide(true), func(*peertest.World) {})
	header, text := newConsole(t, w.Server, Config{}).get("/debug/packetmq/", http.StatusOK)
	policy := header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'sha256-", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy %q has no %s", policy, want)
		}
	}
	for _, no := range []string{"http:", "https:", "innerHTML", "src="} {
		if strings.Contains(text, no) {
			t.Errorf("the page has %s", no)
		}
	}
	for _, element := range []string{"script", "style"} {
		if n := strings.Count(text, "<"+element+">"); n != 1 {
			t.Errorf("the page has %d elements %s, and the policy allows one", n, element)
		}
	}
}

func TestOnlyWhatThereIsIsServed(t *testing.T) {
	w := peertest.OverMemory(true)(t, newSide(false), newSide(true), func(*peertest.World) {})
	c := newConsole(t, w.Server, Config{})
	c.get("?format=xml", http.StatusNotFound)
	answer, err := http.Post(c.url, "text/plain", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("a POST without an action is answered %s", answer.Status)
	}
}
