package inspect

// What an operator can do: POST requests with a small body of JSON.

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"strings"

	"github.com/packetmq/packetmq/peer"
)

// actionHeader is a header that each action must have. A page of another origin cannot set it
// without this server's consent, which it never gets.
const actionHeader = "X-Packetmq-Action"

const (
	maxActionBody = 4 << 10 // bytes
	maxReason     = 512     // bytes, as on the wire
)

// action is the body of an action, with the fields that it needs.
type action struct {
	Conn   uint64 `json:"conn"`
	Reason string `json:"reason"`
	Level  string `json:"level"`
}

// refusal is an error for the operator, with the status that it is answered with.
type refusal struct {
	status int
	text   string
}

func (e *refusal) Error() string { return e.text }

// act does what a POST request asks for.
func (h *handler) act(w http.ResponseWriter, r *http.Request, name string) {
	a, err := h.admit(r)
	if err == nil {
		switch name {
		case "end":
			err = h.end(a)
		case "level":
			err = h.setLevel(a)
		case "trace":
			err = h.trace(w, r, a)
			if err == nil {
				return // it has answered
			}
		default:
			err = &refusal{http.StatusNotFound, "no such action"}
		}
	}
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	h.inspector.peer.Log(slog.LevelInfo, "operator acted", "action", name, "conn", a.Conn, "reason", a.Reason, "level", a.Level, "operator", r.RemoteAddr)
	w.Header().Set("Content-Type", "application/json")
	w.Write([]byte("{}\n"))
}

// admit returns the body of an action if it may be done.
func (h *handler) admit(r *http.Request) (a action, err error) {
	may := h.inspector.cfg.Authorise
	switch {
	case r.Method != http.MethodPost:
		return a, &refusal{http.StatusMethodNotAllowed, "actions are POST requests"}
	case may == nil:
		return a, &refusal{http.StatusForbidden, "there are no actions: Config.Authorise is not set"}
	case r.Header.Get(actionHeader) == "":
		return a, &refusal{http.StatusForbidden, "the header " + actionHeader + " is missing"}
	}
	if err := h.origins.Check(r); err != nil {
		return a, &refusal{http.StatusForbidden, "the request is of another origin"}
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return a, &refusal{http.StatusUnsupportedMediaType, "the body is to be application/json"}
	}
	if may(r) != nil {
		return a, &refusal{http.StatusForbidden, "not allowed"}
	}
	body := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxActionBody))
	body.DisallowUnknownFields()
	if err := body.Decode(&a); err != nil {
		return a, &refusal{http.StatusBadRequest, "the body cannot be read"}
	}
	return a, nil
}

func (h *handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusInternalServerError
	var why *refusal
	if errors.As(err, &why) {
		status = why.status
	}
	h.inspector.peer.Log(slog.LevelWarn, "operator refused", "err", err, "operator", r.RemoteAddr)
	http.Error(w, err.Error(), status)
}

// conn is the conn that an action is about.
func (h *handler) conn(a action) (*peer.Conn, error) {
	c := h.inspector.peer.Conn(a.Conn)
	if c == nil {
		return nil, &refusal{http.StatusNotFound, fmt.Sprintf("there is no conn %d", a.Conn)}
	}
	return c, nil
}

// end ends a conn with a reason.
func (h *handler) end(a action) error {
	c, err := h.conn(a)
	if err != nil {
		return err
	}
	reason := strings.TrimSpace(a.Reason)
	if len(reason) > maxReason {
		return &refusal{http.StatusBadRequest, fmt.Sprintf("a reason has at most %d bytes", maxReason)}
	}
	if err := c.Softquit(peer.Reason(reason)); err != nil {
		return &refusal{http.StatusConflict, err.Error()}
	}
	return nil
}

// setLevel sets the level of the log.
func (h *handler) setLevel(a action) error {
	level := h.inspector.cfg.Level
	if level == nil {
		return &refusal{http.StatusNotFound, "there is no level to set: Config.Level is nil"}
	}
	var l slog.Level
	if err := l.UnmarshalText([]byte(a.Level)); err != nil {
		return &refusal{http.StatusBadRequest, "no such level"}
	}
	level.Set(l)
	return nil
}

// trace shows the packets of a conn, as events of the answer, until the operator goes or the
// conn ends.
func (h *handler) trace(w http.ResponseWriter, r *http.Request, a action) error {
	c, err := h.conn(a)
	if err != nil {
		return err
	}
	s, err := h.stream(w)
	if err != nil {
		return err
	}
	defer h.leave()
	h.inspector.peer.Log(slog.LevelInfo, "operator traces a conn", "conn", a.Conn, "operator", r.RemoteAddr)
	t := h.inspector.watch(c)
	defer t.stop()
	s.comment("tracing") // from now on nothing is missed
	if t.show(r.Context(), func(p *Traced) error { return s.send("packet", p) }) == nil {
		s.send("end", struct{}{})
	}
	return nil
}
