package console

// Console: the figures of a peer, and the packets of one of its conns, over HTTP.

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/packetmq/packetmq/inspect"
)

const (
	// DefaultPath is where a console is taken to be if its address has no path.
	DefaultPath = "/debug/packetmq/"

	maxAnswer = 16 << 20 // bytes of a Snapshot
	maxEvent  = 4 << 20  // bytes of one line of a trace
	maxError  = 1 << 10  // bytes of what is shown of an answer that is an error
)

// ErrAddress is returned by New for what is no address of a console.
var ErrAddress = errors.New("console: want HOST:PORT, or an URL with http:// or https://")

// StatusError is an answer that says that a request was not done.
type StatusError struct {
	Status int
	Text   string // what the console says about it
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("console: %d %s: %s", e.Status, http.StatusText(e.Status), e.Text)
}

// Console is a console at an address.
type Console struct {
	url    url.URL
	client *http.Client
	header http.Header
}

// New makes a Console of an address: HOST:PORT, or a URL. Nil means the default client and no
// header of its own.
func New(addr string, client *http.Client, header http.Header) (*Console, error) {
	if !strings.Contains(addr, "://") {
		addr = "http://" + addr
	}
	u, err := url.Parse(addr)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, ErrAddress
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = DefaultPath
	}
	if client == nil {
		client = http.DefaultClient
	}
	return &Console{*u, client, header}, nil
}

// do sends a request, and returns the answer if it is a good one.
func (c *Console) do(ctx context.Context, method string, query url.Values, body []byte) (*http.Response, error) {
	u := c.url
	u.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, values := range c.header {
		r.Header[name] = values
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Packetmq-Action", "command")
	}
	a, err := c.client.Do(r)
	if err != nil {
		return nil, err
	}
	if a.StatusCode != http.StatusOK {
		defer a.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(a.Body, maxError))
		return nil, &StatusError{a.StatusCode, strings.TrimSpace(string(text))}
	}
	return a, nil
}

// Snapshot is what the peer does, with the conns that q asks for.
func (c *Console) Snapshot(ctx context.Context, q inspect.Query) (*inspect.Snapshot, error) {
	query := url.Values{"format": {"json"}}
	set := func(name, value string) {
		if value != "" && value != "0" && value != "false" {
			query.Set(name, value)
		}
	}
	set("sort", q.Sort)
	set("ascending", strconv.FormatBool(q.Ascending))
	set("filter", q.Filter)
	set("conn", strconv.FormatUint(q.Conn, 10))
	set("rows", strconv.Itoa(q.Rows))
	a, err := c.do(ctx, http.MethodGet, query, nil)
	if err != nil {
		return nil, err
	}
	defer a.Body.Close()
	s := new(inspect.Snapshot)
	if err := json.NewDecoder(io.LimitReader(a.Body, maxAnswer)).Decode(s); err != nil {
		return nil, fmt.Errorf("console: the answer is no snapshot: %w", err)
	}
	return s, nil
}

// Traced is an inspect.Traced whose value stays JSON, so that its integers stay as they are.
type Traced struct {
	inspect.Traced
	Value json.RawMessage `json:"value,omitempty"`
}

// Trace calls f with each packet of a conn, until f returns an error, which it returns, until
// ctx is done, or until the conn ends, which is nil.
func (c *Console) Trace(ctx context.Context, conn uint64, f func(*Traced) error) error {
	body, err := json.Marshal(map[string]uint64{"conn": conn})
	if err != nil {
		return err
	}
	a, err := c.do(ctx, http.MethodPost, url.Values{"action": {"trace"}}, body)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	return events(a.Body, func(event string, data []byte) (more bool, err error) {
		switch event {
		case "packet":
			var t Traced
			if err := json.Unmarshal(data, &t); err != nil {
				return false, fmt.Errorf("console: the event is no packet: %w", err)
			}
			return true, f(&t)
		case "end":
			return false, nil
		}
		return true, nil
	})
}

// events reads server-sent events until f says that there are no more.
func events(r io.Reader, f func(event string, data []byte) (more bool, err error)) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxEvent)
	event, data := "", []byte(nil)
	for lines.Scan() {
		line := lines.Text()
		switch name, value, _ := strings.Cut(line, ":"); {
		case line == "":
			if event == "" {
				continue // it was a comment
			}
			if more, err := f(event, data); err != nil || !more {
				return err
			}
			event, data = "", nil
		case name == "event":
			event = strings.TrimPrefix(value, " ")
		case name == "data":
			data = append(data, strings.TrimPrefix(value, " ")...)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return io.ErrUnexpectedEOF
}
