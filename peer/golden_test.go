package peer

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// scenario is one transcript of testdata/wire.txt, captured from the Python
// library.
type scenario struct {
	name           string
	server, client map[string]string // settings and packets of the sides, in names order of the file
	serverNames    []string
	clientNames    []string
	lines          []captured
}

// captured is one frame, without its length, or the end of a direction.
type captured struct {
	byClient bool
	frame    codec.Frame // nil: the direction ends
}

func readScenarios(t testing.TB) map[string]*scenario {
	t.Helper()
	f, err := os.Open("testdata/wire.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := make(map[string]*scenario)
	var s *scenario
	for sc := bufio.NewScanner(f); sc.Scan(); {
		line := sc.Text()
		if name, ok := strings.CutPrefix(line, "# scenario: "); ok {
			s = &scenario{name: name}
			all[name] = s
		} else if rest, ok := strings.CutPrefix(line, "# server: "); ok {
			s.server, s.serverNames = settings(rest)
		} else if rest, ok := strings.CutPrefix(line, "# client: "); ok {
			s.client, s.clientNames = settings(rest)
		} else if dir, rest, ok := strings.Cut(line, " "); ok && (dir == "C>S" || dir == "S>C") {
			hex, _, _ := strings.Cut(rest, " ")
			c := captured{byClient: dir == "C>S"}
			if hex != "FIN" {
				c.frame = codec.Frame(unhex(hex)[codec.LengthSize:])
			}
			s.lines = append(s.lines, c)
		}
	}
	if len(all) < 12 {
		t.Fatalf("only %d scenarios found", len(all))
	}
	return all
}

// settings parses "adapt=true app:ping=40 …"; the names keep their order.
func settings(line string) (values map[string]string, packets []string) {
	values = make(map[string]string)
	for _, f := range strings.Fields(line) {
		k, v, _ := strings.Cut(f, "=")
		values[k] = v
		if strings.Contains(k, ":") {
			packets = append(packets, k)
		}
	}
	return values, packets
}

// sideOf makes a side as it was configured when the transcript was captured.
func sideOf(t *testing.T, values map[string]string, packets []string) *side {
	t.Helper()
	s := newSide(values["adapt"] == "true", 17, 18)
	s.reg = newRegistry(values["adapt"] == "true")
	s.cfg.NoExtensions = true
	for _, name := range packets {
		id, err := strconv.Atoi(values[name])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.reg.AddObject(name, id, nil); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// TestGolden plays one side of every transcript against this implementation in
// the other role. What this side sends must be what Python 3 sent, byte for
// byte; also where the other side is Python 2, whose text is bin.
func TestGolden(t *testing.T) {
	all := readScenarios(t)
	for name, s := range all {
		if strings.HasSuffix(name, "-softquit") {
			continue // two frames without their handshake; see TestGoldenSoftquit
		}
		twin := all["p3"+name[len("p3"):]]
		t.Run(name+" as server", func(t *testing.T) { s.play(t, twin, false, false) })
		t.Run(name+" as server, features", func(t *testing.T) { s.play(t, twin, false, true) })
		if s.client["version"] == "1" { // this implementation has no other
			t.Run(name+" as client", func(t *testing.T) { s.play(t, twin, true, false) })
			t.Run(name+" as client, features", func(t *testing.T) { s.play(t, twin, true, true) })
		}
	}
}

// play has this implementation in one role, and the transcript in the other. With features,
// all there are, only its init may have other bytes than Python's.
func (s *scenario) play(t *testing.T, twin *scenario, asClient, features bool) {
	us, names := s.server, s.serverNames
	if asClient {
		us, names = s.client, s.clientNames
	}
	our := sideOf(t, us, names)
	if features {
		our.cfg.NoExtensions = false
		our.cfg.Version = "1.0"
		addOptional(t, our)
	}
	var w *wire
	if asClient {
		w = s.clientWire(t, our, features)
	} else {
		w = s.serverWire(t, our, features)
	}
	ours := twin.sent(asClient)
	quit := false
	for _, line := range s.lines {
		switch {
		case line.frame == nil:
		case line.byClient != asClient:
			if _, err := w.Write(codec.AppendFrame(nil, line.frame.ID(), line.frame.Payload())); err != nil && !quit {
				t.Fatal(err)
			}
		case quit:
			// The library goes on after its own softquit; this does not.
		default:
			want := line.frame // packets of the program are passed on as they are
			if want.ID() <= registry.IDFinish {
				want = ours[0]
			}
			ours = ours[1:]
			if got := w.recv(); !bytes.Equal(got, want) && !(features && got.ID() == registry.IDInit) {
				t.Fatalf("sent %x\nwant %x", []byte(got), []byte(want))
			}
			quit = want.ID() == registry.IDSoftquit
		}
	}
	w.Conn.(*net.TCPConn).CloseWrite()
	if rest, err := io.ReadAll(w); len(rest) > 0 || err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("sent %x, %v after the transcript", rest, err)
	}
	e := wait(t, "loss", our.events)
	if e.what == "made" {
		e = our.next(t, "lost")
	}
	if want := s.reason(); !errors.Is(e.reason, want) {
		t.Errorf("lost because of %v, want %v", e.reason, want)
	}
}

// addOptional adds a packet that the Python library is never told of.
func addOptional(t *testing.T, s *side) {
	t.Helper()
	if _, err := s.reg.AddObject("test:optional", 999, nil, registry.Optional()); err != nil {
		t.Fatal(err)
	}
}

// extendAll adds every feature that there can be.
func extendAll(t *testing.T, p *Peer) {
	t.Helper()
	for f := firstExtension; f <= MaxFeature; f++ {
		if err := p.Extend(extension(f, "an offer", make(chan told, 99))); err != nil {
			t.Fatal(err)
		}
	}
}

// sent is what one side sent.
func (s *scenario) sent(byClient bool) (frames []codec.Frame) {
	for _, l := range s.lines {
		if l.byClient == byClient && l.frame != nil {
			frames = append(frames, l.frame)
		}
	}
	return frames
}

// reason is that of the transcript's softquit.
func (s *scenario) reason() error {
	for _, l := range s.lines {
		if l.frame != nil && l.frame.ID() == registry.IDSoftquit {
			m, err := parseSoftquit(l.frame.Payload())
			if err != nil {
				return err
			}
			return m.reason
		}
	}
	return nil
}

// serverWire makes a server that echoes, and dials it.
func (s *scenario) serverWire(t *testing.T, our *side, features bool) *wire {
	server := NewServer(our.reg, &our.cfg)
	if features {
		extendAll(t, server.Peer)
	}
	if pong, err := our.reg.Lookup("app:pong"); err == nil {
		server.Untyped().HandleRaw("app:ping", func(c *Conn, b []byte) error { return c.ReplyRaw(pong, b) })
	}
	ln := open(t, server)
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return wireOver(t, nc)
}

// clientWire makes a client that sends the transcript's ping, and softquits
// with the answer; and accepts it.
func (s *scenario) clientWire(t *testing.T, our *side, features bool) *wire {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	made := our.cfg.OnMade
	our.cfg.OnMade = func(c *Conn) {
		made(c)
		for _, f := range s.sent(true) {
			if f.ID() > registry.IDFinish {
				ping, _ := our.reg.Lookup("app:ping")
				c.ReplyRaw(ping, f.Payload())
			}
		}
	}
	client := NewClient(our.reg, &our.cfg)
	if features {
		extendAll(t, client.Peer)
	}
	client.Untyped().HandleRaw("app:pong", func(c *Conn, b []byte) error { return s.reason() })
	run(t, client.Peer)
	if err := client.ConnectAsync(ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return wireOver(t, nc)
}

func TestGoldenSoftquit(t *testing.T) {
	all := readScenarios(t)
	want := all["p3-softquit"].lines[0].frame
	got := codec.AppendFrame(nil, registry.IDSoftquit, softquitMsg{ReasonShutdown}.append(nil))
	if !bytes.Equal(got[codec.LengthSize:], want) {
		t.Errorf("sent %x\nwant %x", got, []byte(want))
	}
	for _, name := range []string{"p2-softquit", "p3-softquit"} {
		m, err := parseSoftquit(all[name].lines[0].frame.Payload())
		if err != nil || m.reason != ReasonShutdown {
			t.Errorf("%s: %v, %v", name, m.reason, err)
		}
	}
}
