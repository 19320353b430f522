package inspect

// Handler: the page, its figures as JSON and as events, and what an operator can do, all at one
// path: the query says which of them is meant, so that it can be mounted anywhere.

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/packetmq/packetmq/peer"
)

//go:embed page.html
var page string

// handler serves one Inspector.
type handler struct {
	inspector *Inspector
	origins   *http.CrossOriginProtection
	policy    string // Content-Security-Policy of the page
}

// Handler returns the page of a peer, for any path of a net/http server. It panics if h is no
// peer, as New does.
//
//	GET                  the page
//	GET  ?format=json    a Snapshot, with the parameters of Query in lower case
//	GET  ?format=events  the same, again and again, as server-sent events
//	POST ?action=…       end, level or trace, with a body of JSON; see docs/inspect.md
func Handler(h peer.Host, cfg Config) http.Handler { return New(h, cfg).Handler() }

// Handler returns the page of the peer that i inspects.
func (i *Inspector) Handler() http.Handler {
	return &handler{i, http.NewCrossOriginProtection(), policyOf(page)}
}

// policyOf is a policy that allows the page's own script and style, and no others.
func policyOf(page string) string {
	return fmt.Sprintf("default-src 'none'; connect-src 'self'; script-src '%s'; style-src '%s'; "+
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		hashOf(page, "script"), hashOf(page, "style"))
}

// hashOf is the hash of what stands in the page's only element of that name.
func hashOf(page, element string) string {
	_, text, _ := strings.Cut(page, "<"+element+">")
	text, _, _ = strings.Cut(text, "</"+element+">")
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Referrer-Policy", "no-referrer")
	if name := r.URL.Query().Get("action"); name != "" {
		h.act(w, r, name)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	switch r.URL.Query().Get("format") {
	case "json":
		h.serveJSON(w, r)
	case "events":
		h.serveEvents(w, r)
	case "":
		w.Header().Set("Content-Security-Policy", h.policy)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(page))
	default:
		http.Error(w, "no such format", http.StatusNotFound)
	}
}

// shown is a Snapshot with what the page has to know besides.
type shown struct {
	*Snapshot
	Actions bool   `json:"actions"`         // there are some
	Level   string `json:"level,omitempty"` // of the log; empty if it cannot be set
}

// snapshot is a Snapshot for a request.
func (h *handler) snapshot(r *http.Request) (*shown, error) {
	s, err := h.inspector.Snapshot(r.Context(), queryOf(r))
	if err != nil {
		return nil, err
	}
	cfg := &h.inspector.cfg
	out := &shown{Snapshot: s, Actions: cfg.Authorise != nil}
	if cfg.Level != nil && out.Actions {
		out.Level = cfg.Level.Level().String()
	}
	return out, nil
}

// queryOf is what a request asks for. What cannot be read is as if it were not there.
func queryOf(r *http.Request) Query {
	v := r.URL.Query()
	q := Query{Sort: v.Get("sort"), Filter: v.Get("filter")}
	q.Ascending, _ = strconv.ParseBool(v.Get("ascending"))
	q.Conn, _ = strconv.ParseUint(v.Get("conn"), 10, 64)
	q.Rows, _ = strconv.Atoi(v.Get("rows"))
	return q
}

func (h *handler) serveJSON(w http.ResponseWriter, r *http.Request) {
	s, err := h.snapshot(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.Encode(s)
}

// serveEvents sends a Snapshot at once, and then one every Config.Every.
func (h *handler) serveEvents(w http.ResponseWriter, r *http.Request) {
	s, err := h.stream(w)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	defer h.leave()
	tick := time.NewTicker(h.inspector.cfg.Every)
	defer tick.Stop()
	for {
		snapshot, err := h.snapshot(r)
		if err == nil {
			err = s.send("snapshot", snapshot)
		}
		if err != nil {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		case <-h.inspector.peer.Reactor().Done():
			return
		}
	}
}

// stream is an answer of server-sent events.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// writeTime is how long an event may take to be written. A viewer that does not read is let go.
const writeTime = 10 * time.Second

// stream begins an answer of events. The caller calls leave at its end.
func (h *handler) stream(w http.ResponseWriter) (*stream, error) {
	select {
	case h.inspector.viewers <- struct{}{}:
	default:
		return nil, &refusal{http.StatusServiceUnavailable, fmt.Sprintf("%d pages and traces are open, which is the most", cap(h.inspector.viewers))}
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // for proxies that would wait for more
	return &stream{w, http.NewResponseController(w)}, nil
}

// leave makes room for another viewer.
func (h *handler) leave() { <-h.inspector.viewers }

// send sends an event.
func (s *stream) send(event string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.write(fmt.Appendf(nil, "event: %s\ndata: %s\n\n", event, b))
}

// comment sends a line that is no event, so that the answer begins.
func (s *stream) comment(text string) error { return s.write(fmt.Appendf(nil, ": %s\n\n", text)) }

func (s *stream) write(b []byte) error {
	s.control.SetWriteDeadline(time.Now().Add(writeTime)) // an error means that there is none
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	return s.control.Flush()
}
