package pcap

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/capture"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/websocket"
)

// needTshark makes a missing tshark a failure, for CI.
const needTshark = "PACKETMQ_NEED_TSHARK"

// tshark runs tshark with the dissector on a file, and returns what it prints.
func tshark(t *testing.T, pcap []byte, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("tshark")
	if err != nil {
		if os.Getenv(needTshark) != "" {
			t.Fatal(err)
		}
		t.Skip("there is no tshark (Debian: apt install tshark)")
	}
	file := filepath.Join(t.TempDir(), "test.pcap")
	if err := os.WriteFile(file, pcap, 0o600); err != nil {
		t.Fatal(err)
	}
	args = append([]string{"-X", "lua_script:../../tools/wireshark/packetmq.lua", "-r", file}, args...)
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir()) // nobody's own settings
	var out, log strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	if both := log.String() + out.String(); strings.Contains(strings.ToLower(both), "lua error") || strings.Contains(both, "lua:") {
		t.Fatalf("the dissector failed:\n%s", both)
	}
	return out.String()
}

// order and bill are what packets and calls of the tests carry.
type order struct {
	Item     string
	Count    int
	Password string `packetmq:"secret"`
}

type bill struct {
	Total  int
	Weight float64
	Lines  []string
}

var (
	note = registry.Define[order]("shop:note", 20)
	buy  = call.Define[order, bill]("shop:buy", 30)
	poor = call.DefineError("shop:poor")
)

// shopRegistry is what both sides have in common.
func shopRegistry(t *testing.T, reg *registry.Registry) *registry.Registry {
	t.Helper()
	reg.MustAdd(note)
	reg.MustAdd(buy.Packets()...)
	if err := call.AddErrors(reg, poor); err != nil {
		t.Fatal(err)
	}
	return reg
}

// talk runs a server with cfg, which listens at addr, and has a client talk to it: packets, one of them long, calls, and an
// end with a reason. through returns the address at which the client finds the server.
func talk(t *testing.T, cfg *peer.Config, addr string, through func(addr string) string) {
	t.Helper()
	srv := peer.NewServer(shopRegistry(t, registry.New()), cfg)
	defer srv.Close()
	if err := websocket.Enable(srv, nil); err != nil {
		t.Fatal(err)
	}
	peer.Handle(srv, note, func(c *peer.Conn, o *order) error { return peer.Reply(c, note, o) })
	call.Handle(srv, buy, func(_ *call.Context, o *order) (*bill, error) {
		if o.Count > 10 {
			return nil, poor
		}
		return &bill{Total: 3 * o.Count, Weight: 1.5, Lines: []string{o.Item}}, nil
	})
	l, err := srv.Listen(addr)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 10)
	cli := peer.NewClient(shopRegistry(t, registry.NewAdapting()), nil)
	defer cli.Close()
	if err := websocket.Enable(cli, nil); err != nil {
		t.Fatal(err)
	}
	peer.Handle(cli, note, func(_ *peer.Conn, o *order) error {
		got <- o.Item
		return nil
	})
	if err := errors.Join(srv.RunAsync(), cli.RunAsync()); err != nil {
		t.Fatal(err)
	}
	c, err := cli.Connect(context.Background(), through(l.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range []string{"soap", strings.Repeat("long ", 20000)} {
		if err := peer.Send(c, note, &order{Item: item, Count: 2, Password: "hush"}); err != nil {
			t.Fatal(err)
		}
		await.Value(t, "answer", got)
	}
	if _, err := call.Do(t.Context(), c, buy, &order{Item: "tea", Count: 7}); err != nil {
		t.Fatal(err)
	}
	if _, err := call.Do(t.Context(), c, buy, &order{Item: "gold", Count: 70}); !errors.Is(err, poor) {
		t.Fatal(err)
	}
	c.Softquit("reason.closingtime")
	await.True(t, "the conns are gone", func() bool { return srv.Reactor().Conns() == 0 })
}

// capturedFile is a capture of talk.
func capturedFile(t *testing.T) []byte {
	t.Helper()
	var file bytes.Buffer
	rec := capture.New(&file, capture.Config{Registry: shopRegistry(t, registry.New())})
	talk(t, &peer.Config{Engine: &engine.Config{Tap: rec}}, "127.0.0.1:0", func(addr string) string { return addr })
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// captured is the pcap of that.
func captured(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	r, err := capture.Open(bytes.NewReader(capturedFile(t)))
	if err == nil {
		err = Write(&out, r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestWiresharkReadsACapture(t *testing.T) {
	leak.Check(t)
	pcap := captured(t)
	for _, two := range [][]string{nil, {"-2"}} { // in one pass, and in two as the window does
		text := tshark(t, pcap, append(two, "-V")...)
		for _, want := range []string{
			"packetmq:handshake_init", "version: 1", "Adapts: False", "20 shop:note", "31 shop:buy.answer",
			"packetmq:handshake_finish", "Item: soap", "Count: 2", "Password: xxxx", "Item: long long", "4 Reassembled TCP Segments",
			"Call: 1", "Kind of the call's packet: request", "Kind of the call's packet: answer", "Answer to: ", "Time until the answer",
			"Total: 21", "Weight: 1.5", "[0]: tea", "Error of the call: shop:poor", "Reason: reason.closingtime",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("with %q there is no %q", two, want)
			}
		}
		if strings.Contains(text, "Malformed") || strings.Contains(text, "hush") {
			t.Errorf("something is malformed, or not secret")
		}
	}
}

func TestWiresharkLinksCallsAndAnswers(t *testing.T) {
	leak.Check(t)
	pcap := captured(t)
	asked := fields(tshark(t, pcap, "-2", "-Y", "packetmq.call.kind == request", "-T", "fields", "-e", "frame.number", "-e", "packetmq.answered_in"))
	answers := fields(tshark(t, pcap, "-2", "-Y", "packetmq.call.kind == answer", "-T", "fields", "-e", "packetmq.answer_to", "-e", "frame.number"))
	if len(asked) != 2 || !slices.Equal(asked, answers) {
		t.Errorf("requests and their answers are %q, answers and their requests %q", asked, answers)
	}
	found := tshark(t, pcap, "-Y", `packetmq.value contains "Item=tea" && packetmq.name == "shop:buy"`)
	if n := strings.Count(found, "\n"); n != 1 || !strings.Contains(found, "shop:buy 1") {
		t.Errorf("a filter finds %q", found)
	}
}

// fields are the lines of what tshark prints.
func fields(text string) (lines []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); strings.Contains(line, "\t") {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestWiresharkKnowsAConnByItsPort has a conn whose beginning is not in the file.
func TestWiresharkKnowsAConnByItsPort(t *testing.T) {
	var out bytes.Buffer
	p := NewWriter(&out)
	start := capture.Record{Kind: capture.Opened, Conn: 1, Local: "10.0.0.1:7123", Remote: "10.0.0.2:40000", Continued: true}
	var r capture.Reader
	p.record(&r, &start)
	p.record(&r, &capture.Record{Kind: capture.Input, Conn: 1, Data: []byte("\x00\x00\x00\x09\x00\x15\x81\xa4Text\x07")})
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
	if text := tshark(t, out.Bytes(), "-V"); strings.Contains(text, "Packet: id 21") {
		t.Error("it is known without its port")
	}
	text := tshark(t, out.Bytes(), "-V", "-o", "packetmq.ports:7000-7200")
	if !strings.Contains(text, "Packet: id 21") || !strings.Contains(text, "Text: 7") {
		t.Errorf("it is not known by its port:\n%s", text)
	}
}
