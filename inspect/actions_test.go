package inspect

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/internal/peertest"
	"github.com/packetmq/packetmq/peer"
)

func anybody(*http.Request) error { return nil }

// An operator ends a conn, and both sides are told why.
func TestOperatorEndsAConn(t *testing.T) {
	peertest.Everywhere(t, newSide, func(*peertest.World) {}, func(t *testing.T, w *peertest.World) {
		lost := make(chan error, 2)
		w.AtServer.OnLost(func(reason error) { lost <- reason })
		w.AtClient.OnLost(func(reason error) { lost <- reason })
		c := newConsole(t, w.Server, Config{Authorise: anybody})
		body, _ := json.Marshal(action{Conn: w.AtServer.ID(), Reason: "reason.byoperator"})
		if status, text := c.act(c.request("end", string(body))); status != http.StatusOK {
			t.Fatal(status, text)
		}
		for range 2 {
			if err := <-lost; !errors.Is(err, peer.Reason("reason.byoperator")) {
				t.Errorf("lost because of %v", err)
			}
		}
	})
}

func TestOperatorSetsTheLevel(t *testing.T) {
	w := peertest.OverMemory(true)(t, newSide(false), newSide(true), func(*peertest.World) {})
	level := new(slog.LevelVar)
	c := newConsole(t, w.Server, Config{Authorise: anybody, Level: level})
	if s := c.snapshot(""); s.Level != "INFO" || !s.Actions {
		t.Errorf("the page is told level %q, actions %v", s.Level, s.Actions)
	}
	if status, text := c.act(c.request("level", `{"level":"debug"}`)); status != http.StatusOK || level.Level() != slog.LevelDebug {
		t.Error(status, text, level)
	}
	if status, _ := c.act(c.request("level", `{"level":"loud"}`)); status != http.StatusBadRequest || level.Level() != slog.LevelDebug {
		t.Error("a level that there is not is set")
	}
}

// What is not asked for by the page itself, or by somebody who may, is refused, and the conn
// goes on.
func TestActionsAreRefused(t *testing.T) {
	w := peertest.OverMemory(true)(t, newSide(false), newSide(true), func(*peertest.World) {})
	end := `{"conn":1,"reason":"x"}`
	for name, test := range map[string]struct {
		may    func(*http.Request) error
		action string
		body   string
		change func(r *http.Request)
		status int
	}{
		"no Authorise":    {nil, "end", end, nil, http.StatusForbidden},
		"not authorised":  {func(*http.Request) error { return errors.New("who are you") }, "end", end, nil, http.StatusForbidden},
		"GET":             {anybody, "end", end, func(r *http.Request) { r.Method = http.MethodGet }, http.StatusMethodNotAllowed},
		"no header":       {anybody, "end", end, func(r *http.Request) { r.Header.Del(actionHeader) }, http.StatusForbidden},
		"another origin":  {anybody, "end", end, func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") }, http.StatusForbidden},
		"another site":    {anybody, "end", end, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, http.StatusForbidden},
		"a form":          {anybody, "end", end, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, http.StatusUnsupportedMediaType},
		"no JSON":         {anybody, "end", "conn=1", nil, http.StatusBadRequest},
		"unknown field":   {anybody, "end", `{"connn":1}`, nil, http.StatusBadRequest},
		"too long a body": {anybody, "end", `{"reason":"` + strings.Repeat("x", maxActionBody) + `"}`, nil, http.StatusBadRequest},
		"long reason":     {anybody, "end", `{"conn":1,"reason":"` + strings.Repeat("x", maxReason+1) + `"}`, nil, http.StatusBadRequest},
		"no such conn":    {anybody, "end", `{"conn":99}`, nil, http.StatusNotFound},
		"no such action":  {anybody, "shoot", end, nil, http.StatusNotFound},
		"no level to set": {anybody, "level", `{"level":"debug"}`, nil, http.StatusNotFound},
		"trace of none":   {anybody, "trace", `{"conn":99}`, nil, http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			c := newConsole(t, w.Server, Config{Authorise: test.may})
			r := c.request(test.action, test.body)
			if test.change != nil {
				test.change(r)
			}
			if status, text := c.act(r); status != test.status || strings.Contains(text, "who are you") {
				t.Errorf("answered %d %q, want %d", status, text, test.status)
			}
			if w.AtServer.State() != peer.Active {
				t.Fatal("the conn has ended")
			}
		})
	}
}
