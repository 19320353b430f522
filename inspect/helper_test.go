package inspect

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/internal/peertest"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// Login is what the tests send.
type Login struct {
	Name     string
	Password string `packetmq:"secret"`
	Inner    struct {
		Token []byte `packetmq:"secret"`
		N     int
	}
}

var (
	login = registry.Define[Login]("test:login", 40)
	hello = registry.Define[string]("test:hello", 41)
)

func newSide(adapt bool) *peertest.Side { return peertest.NewSide(adapt, login, hello) }

// answering has the server answer each login with a hello.
func answering(got chan<- string) func(w *peertest.World) {
	return func(w *peertest.World) {
		peer.Handle(w.Server, login, func(c *peer.Conn, v *Login) error { return peer.Reply(c, hello, &v.Name) })
		peer.Handle(w.Client, hello, func(_ *peer.Conn, v *string) error { got <- *v; return nil })
	}
}

// console is a page of a peer's.
type console struct {
	t   *testing.T
	url string
}

func newConsole(t *testing.T, h peer.Host, cfg Config) *console {
	t.Helper()
	s := httptest.NewServer(Handler(h, cfg))
	t.Cleanup(s.Close)
	return &console{t, s.URL}
}

// get returns the answer to a GET, which is to have that status.
func (c *console) get(query string, status int) (http.Header, string) {
	c.t.Helper()
	answer, err := http.Get(c.url + query)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != status {
		c.t.Fatalf("%s: %s %q, %v; want status %d", query, answer.Status, text, err, status)
	}
	return answer.Header, string(text)
}

// snapshot returns the Snapshot of a GET.
func (c *console) snapshot(query string) (s shown) {
	c.t.Helper()
	_, text := c.get("?format=json&"+query, http.StatusOK)
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		c.t.Fatalf("%v in %s", err, text)
	}
	return s
}

// request is an action as the page sends it.
func (c *console) request(name, body string) *http.Request {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.url+"?action="+name, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(actionHeader, name)
	return r
}

// act sends an action, and returns the status and the text of the answer.
func (c *console) act(r *http.Request) (status int, text string) {
	c.t.Helper()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer.StatusCode, string(b)
}

// event is a server-sent event.
type event struct{ name, data string }

// nextEvent reads up to the end of an event. Comments are events without a name.
func nextEvent(t *testing.T, r *bufio.Reader) (e event) {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch {
		case line == "\n":
			return e
		case name == "event":
			e.name = value
		case name == "data":
			e.data = value
		}
	}
}

// opened returns the events of an answer that goes on until the test ends.
func opened(t *testing.T, r *http.Request) *bufio.Reader {
	t.Helper()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("answered %s, %s", answer.Status, answer.Header.Get("Content-Type"))
	}
	return bufio.NewReader(answer.Body)
}
