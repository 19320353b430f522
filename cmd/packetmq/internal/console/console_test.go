package console_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/cmd/packetmq/internal/console"
	"github.com/packetmq/packetmq/inspect"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// Example asks the console of a server that has no conns.
func Example() {
	srv := peer.NewServer(registry.New(), nil)
	defer srv.Close()
	if err := srv.RunAsync(); err != nil {
		fmt.Println(err)
		return
	}
	hs := httptest.NewServer(inspect.Handler(srv, inspect.Config{}))
	defer hs.Close()
	c, err := console.New(hs.URL, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := c.Snapshot(context.Background(), inspect.Query{Sort: "age"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Open, s.Sort)
	// Output: 0 age
}

func TestNewRefuses(t *testing.T) {
	for _, addr := range []string{"", "ftp://a", "http://", "http://a b"} {
		if _, err := console.New(addr, nil, nil); !errors.Is(err, console.ErrAddress) {
			t.Errorf("New(%q) is %v", addr, err)
		}
	}
}

// serve serves one answer, and returns a console of it and what was asked for.
func serve(t *testing.T, status int, answer string) (*console.Console, chan *http.Request) {
	t.Helper()
	asked := make(chan *http.Request, 1)
	hs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r
		w.WriteHeader(status)
		io.WriteString(w, answer)
	}))
	t.Cleanup(hs.Close)
	c, err := console.New(hs.Listener.Addr().String(), nil, http.Header{"X-Who": {"me"}})
	if err != nil {
		t.Fatal(err)
	}
	return c, asked
}

func TestSnapshotAsksForWhatItIsTo(t *testing.T) {
	c, asked := serve(t, http.StatusOK, `{"open": 3}`)
	s, err := c.Snapshot(t.Context(), inspect.Query{Sort: "in", Ascending: true, Filter: "a&b", Conn: 7, Rows: 2})
	if err != nil || s.Open != 3 {
		t.Fatalf("%+v, %v", s, err)
	}
	r := <-asked
	if got := r.URL.String(); got != console.DefaultPath+"?ascending=true&conn=7&filter=a%26b&format=json&rows=2&sort=in" || r.Header.Get("X-Who") != "me" {
		t.Errorf("asked for %s with %v", got, r.Header)
	}
}

func TestAnswersThatAreErrors(t *testing.T) {
	c, _ := serve(t, http.StatusForbidden, "not allowed\n")
	_, err := c.Snapshot(t.Context(), inspect.Query{})
	status, ok := errors.AsType[*console.StatusError](err)
	if !ok || status.Status != http.StatusForbidden || status.Text != "not allowed" {
		t.Errorf("error %v", err)
	}
	c, _ = serve(t, http.StatusOK, "<html>")
	if _, err := c.Snapshot(t.Context(), inspect.Query{}); err == nil {
		t.Error("a page was taken for a snapshot")
	}
}

func TestTraceReadsEvents(t *testing.T) {
	for _, test := range []struct {
		answer string
		names  string
		want   string // in the error; empty: there is none
	}{
		{": tracing\n\nevent: packet\ndata: {\"packet\":\"a:b\"}\n\nevent: other\ndata: x\n\nevent: packet\ndata:{\"packet\":\ndata: \"a:c\"}\n\nevent: end\ndata: {}\n\n", "a:b a:c", ""},
		{"event: packet\ndata: {\"packet\":\"a:b\"}\n\n", "a:b", "unexpected EOF"},
		{"event: packet\ndata: 7\n\n", "", "no packet"},
		{"event: packet\ndata: " + strings.Repeat("x", 5<<20), "", "too long"},
	} {
		c, asked := serve(t, http.StatusOK, test.answer)
		var names []string
		err := c.Trace(t.Context(), 7, func(p *console.Traced) error {
			names = append(names, p.Packet)
			return nil
		})
		if got := strings.Join(names, " "); got != test.names || (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.40q: packets %s, %v", test.answer, got, err)
		}
		if r := <-asked; r.Method != http.MethodPost || r.Header.Get("X-Packetmq-Action") == "" || r.URL.RawQuery != "action=trace" {
			t.Errorf("asked by %s for %s", r.Method, r.URL)
		}
	}
}
