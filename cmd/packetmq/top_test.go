package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/packetmq/packetmq/cmd/packetmq/internal/console"
	"github.com/packetmq/packetmq/inspect"
	"github.com/packetmq/packetmq/internal/command"
	"github.com/packetmq/packetmq/internal/command/commandtest"
	"github.com/packetmq/packetmq/registry"
)

func TestTopUsage(t *testing.T) {
	for _, test := range []struct {
		line           string
		code           int
		stdout, stderr string
	}{
		{"top", 2, "", "accepts 1 arg(s)"},
		{"top localhost:1 --sort weight", 2, "", `--sort "weight": want one of pending_out`},
		{"top localhost:1 --every 0s", 2, "", "--every 0s: want more than none"},
		{"top localhost:1 -n -1", 2, "", "cannot be below 0"},
		{"top --help", 0, "packetmq top ADDR", ""},
		{"top 127.0.0.1:1", 1, "", "packetmq top: "},
	} {
		commandtest.Check(t, program{}, test.line, test.code, test.stdout, test.stderr)
	}
}

func TestTopPrints(t *testing.T) {
	srv := newServer(t, registry.New(), nil)
	addr := listen(t, srv, "tcp://127.0.0.1:0")
	newClient(t, addr)
	newClient(t, addr)
	at := newConsole(t, srv)

	code, out, stderr := execute(t, "top", at, "-n", "2", "--every", "1ms", "--sort", "conn", "--ascending", "--rows", "1")
	if code != 0 || stderr != "" || strings.Count(out, "loops   0 ") != 2 {
		t.Fatalf("code %d, %s%s", code, out, stderr)
	}
	for _, want := range []string{"2 conns open, 2 active, 2 made", "limits  ", "ends    none\n", "\nconn^  remote ", " active ", "(1 more)"} {
		if !strings.Contains(out, want) {
			t.Errorf("there is no %q in:\n%s", want, out)
		}
	}

	code, out, stderr = execute(t, "top", at, "-n", "2", "--every", "1ms", "--json", "--filter", "tcp", "--rows", "1")
	updates := strings.Split(strings.TrimSpace(out), "\n")
	var s inspect.Snapshot
	if err := json.Unmarshal([]byte(updates[0]), &s); err != nil || code != 0 || len(updates) != 2 {
		t.Fatalf("code %d, %v, %d lines, %s", code, err, len(updates), stderr)
	}
	if s.Open != 2 || s.Matching != 2 || len(s.Conns) != 1 || s.Sort != "pending_out" {
		t.Errorf("the update is %s", updates[0])
	}
}

// snapshot is one with some conns.
func snapshot(second int, packets uint64, names ...string) *inspect.Snapshot {
	s := &inspect.Snapshot{Matching: len(names), Sort: "pending_out"}
	s.Time = time.Date(2026, 1, 2, 3, 4, second, 0, time.UTC)
	s.Open, s.Active, s.Made = len(names), len(names), 1234
	t := inspect.Traffic{Packets: packets, Bytes: 100 * packets}
	for i, name := range names {
		s.Conns = append(s.Conns, inspect.Conn{Conn: uint64(i + 1), Remote: name, Transport: "tcp", State: "Active", Age: 3700, In: t, PendingOut: 2048})
	}
	s.Packets = []inspect.Packet{{Packet: "chat:say", In: t, Handler: &inspect.HandlerTime{P50: 0.001, P99: 0.02}}, {Out: inspect.Traffic{Packets: 1, Bytes: 1 << 30}}}
	s.Loops = []inspect.Loop{{Busy: 0.256, Longest: 0.0021, LongestPacket: "chat:say", Posted: 3, Timers: 1}, {Loop: 1, Missing: true}, {Loop: 2, Busy: -1}}
	s.Limits = []inspect.Limit{{Limit: "HalfOpen", Used: 3, Most: 1024}}
	s.Ends = []inspect.Count{{Name: "reason.bye", Count: 5}, {Name: "other"}}
	return s
}

func TestViewHasRatesAndCleanText(t *testing.T) {
	v := view{addr: "localhost:7070", rows: 5}
	v.take(snapshot(0, 100, "1.2.3.4:5"))
	if text := v.text(); !strings.Contains(text, "in 100 packets, 9.8 KiB") {
		t.Errorf("the first view:\n%s", text)
	}
	v.take(snapshot(2, 500, "1.2.3.4:5", "evil\x1b[2J"))
	text := v.text()
	for _, want := range []string{
		"2 conns open, 2 active, 1,234 made  in 200/s, 19.5 KiB/s  out 0/s, 0 B/s\n",
		"loops   0 26% busy, longest 2.10 ms (chat:say), 3 posted, 1 timer | 1 does not answer | 2 - busy, longest -, 0 posted, 0 timers\n",
		"limits  HalfOpen 3 of 1,024\n",
		"ends    reason.bye 5\n",
		"pending_outv",
		"1h01m", "2.0 KiB", "evil\uFFFD[2J", "500 packets, 48.8 KiB",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in:\n%s", want, text)
		}
	}
	// One that comes at once, since a key was pressed, is compared with the one before.
	soon := snapshot(2, 500, "1.2.3.4:5")
	soon.Time = soon.Time.Add(10 * time.Millisecond)
	v.take(soon)
	if text := v.text(); !strings.Contains(text, "in 199/s") {
		t.Errorf("shortly after:\n%s", text)
	}
	v.showPackets = true
	if text := v.text(); !strings.Contains(text, "(others)  0 packets, 0 B") || !strings.Contains(text, "1.00 ms  20.00 ms") {
		t.Errorf("the packets:\n%s", text)
	}
	v.width = 10
	for line := range strings.SplitSeq(v.text(), "\n") {
		if len([]rune(line)) > v.width {
			t.Errorf("%q has more than %d columns", line, v.width)
		}
	}
}

// press gives a model keys, and returns what came of the last one.
func press(m *topModel, keys ...tea.KeyPressMsg) (cmd tea.Cmd) {
	for _, k := range keys {
		_, cmd = m.Update(k)
	}
	return cmd
}

func runes(text string) tea.KeyPressMsg { return tea.KeyPressMsg{Text: text, Code: []rune(text)[0]} }

func TestTopKeys(t *testing.T) {
	from, err := console.New("127.0.0.1:1", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := newTopModel(t.Context(), &topConfig{addr: "a", from: from, query: inspect.Query{Sort: "pending_out"}, every: time.Hour})
	m.Init()
	m.Update(tea.WindowSizeMsg{Width: 100, Height: 20})
	m.Update(updateMsg{m.asked, snapshot(0, 1, "1.2.3.4:5"), nil})
	if text := m.text(); !strings.Contains(text, "1.2.3.4:5") || !strings.HasSuffix(text, "q quit") {
		t.Errorf("the view is\n%s", text)
	}

	press(m, runes("s"), runes("s"), runes("S"), runes("r"))
	if q := m.view.query; q.Sort != "pending_in" || !q.Ascending {
		t.Errorf("the query is %+v", q)
	}
	asked := m.asked
	m.Update(updateMsg{asked - 1, snapshot(1, 1, "late"), nil})
	m.Update(tickMsg{asked - 1})
	if strings.Contains(m.text(), "late") || m.asked != asked {
		t.Error("the answer to an earlier request was shown")
	}

	press(m, runes("/"), runes("t"), runes("q"), tea.KeyPressMsg{Code: tea.KeyBackspace})
	if q := m.view.query; q.Filter != "t" || !strings.Contains(m.text(), "filter: t_") {
		t.Errorf("the query is %+v", q)
	}
	press(m, tea.KeyPressMsg{Code: tea.KeyEnter}, runes("/"), runes("x"), tea.KeyPressMsg{Code: tea.KeyEsc})
	if q := m.view.query; q.Filter != "t" || m.filtering {
		t.Errorf("the query is %+v after esc", q)
	}

	press(m, tea.KeyPressMsg{Code: tea.KeyTab})
	if !strings.Contains(m.text(), "chat:say ") {
		t.Errorf("the packets are not shown:\n%s", m.text())
	}
	m.Update(updateMsg{m.asked, nil, errors.New("gone")})
	if !strings.Contains(m.text(), "no update: gone") || m.fatal != nil {
		t.Errorf("after an error:\n%s", m.text())
	}
	if cmd := press(m, runes("q")); cmd == nil || cmd() != tea.Quit() {
		t.Error("q does not quit")
	}
}

// The whole of it, with keys that come from a reader.
func TestTopLive(t *testing.T) {
	srv := newServer(t, registry.New(), nil)
	newClient(t, listen(t, srv, "tcp://127.0.0.1:0"))
	from, err := console.New(newConsole(t, srv), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := topConfig{addr: "here", from: from, every: time.Millisecond, updates: 3, query: inspect.Query{Sort: "out"}}
	var out strings.Builder
	if err := cfg.live(t.Context(), command.IO{In: strings.NewReader(""), Out: &out}, tea.WithWindowSize(120, 30)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "1 conn open") {
		t.Errorf("it showed %q", out.String())
	}

	srv.Close()
	gone, err := console.New("127.0.0.1:1", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg.from = gone
	if err := cfg.live(t.Context(), command.IO{In: strings.NewReader(""), Out: &out}); err == nil {
		t.Error("no error without a console")
	}
}
