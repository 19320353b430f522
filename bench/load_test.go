package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/internal/command"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// Whatever a server does wrong is found, and makes the load fail.
func TestLoadFindsFaults(t *testing.T) {
	// edit answers with a payload that fn has changed.
	edit := func(fn func(*payload)) func(*peer.Conn, *registry.Type, []byte) error {
		return func(c *peer.Conn, reply *registry.Type, b []byte) error {
			var p payload
			if err := p.parse(b); err != nil {
				return err
			}
			fn(&p)
			return c.ReplyRaw(reply, p.append(nil))
		}
	}
	tests := []struct {
		name   string
		answer func(*peer.Conn, *registry.Type, []byte) error
		want   string
	}{
		{"a bit of the body", edit(func(p *payload) { p.Body = bytes.Clone(p.Body); p.Body[3] ^= 1 }), "body of seq 0"},
		{"a body cut off", edit(func(p *payload) { p.Body = p.Body[1:] }), "body of seq 0"},
		{"another seq", edit(func(p *payload) { p.Seq++ }), "seq is 1, want 0"},
		{"another time", edit(func(p *payload) { p.TS++ }), "ts is"},
		{"no msgpack", func(c *peer.Conn, reply *registry.Type, _ []byte) error {
			return c.ReplyRaw(reply, []byte{0xc1})
		}, "another kind"},
		{"bytes after", func(c *peer.Conn, reply *registry.Type, b []byte) error {
			return c.ReplyRaw(reply, append(bytes.Clone(b), 0xc0))
		}, "after the object"},
		{"a field too many", func(c *peer.Conn, reply *registry.Type, _ []byte) error {
			return c.ReplyRaw(reply, codec.AppendNil(codec.AppendString(codec.AppendMapHeader(nil, 1), "more")))
		}, `"more"`},
		{"two answers to one", func(c *peer.Conn, reply *registry.Type, b []byte) error {
			if err := c.ReplyRaw(reply, b); err != nil {
				return err
			}
			return c.ReplyRaw(reply, b)
		}, "seq is 0, want 1"},
		{"an end", func(*peer.Conn, *registry.Type, []byte) error { return peer.Reason("reason.enough") }, "lost: reason.enough"},
		{"no answer", func(*peer.Conn, *registry.Type, []byte) error { return nil }, "4 packets were not answered"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			leak.Check(t)
			cfg := loadConfig{
				connect:  addrs{customServer(t, test.answer)},
				conns:    2,
				depth:    2,
				size:     64,
				duration: 20 * time.Millisecond,
				patience: 50 * time.Millisecond,
			}
			var out strings.Builder
			err := load(context.Background(), &cfg, summaryReporter{&out})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got the error %v, want %q in it", err, test.want)
			}
			if m := regexp.MustCompile(`clients.* ([\d,]+)\n`).FindStringSubmatch(out.String()); m == nil || m[1] == "0" {
				t.Errorf("the summary counts no error:\n%s", &out)
			}
		})
	}
}

// A server may order fields as it likes, and write text as bin.
func TestLoadTakesOtherEncodings(t *testing.T) {
	addr := customServer(t, func(c *peer.Conn, reply *registry.Type, b []byte) error {
		var p payload
		if err := p.parse(b); err != nil {
			return err
		}
		out := codec.AppendMapHeader(nil, 3)
		out = codec.AppendBytes(codec.AppendBytes(out, []byte("body")), p.Body)
		out = codec.AppendUint(codec.AppendBytes(out, []byte("ts")), p.TS)
		out = codec.AppendUint(codec.AppendBytes(out, []byte("seq")), p.Seq)
		return c.ReplyRaw(reply, out)
	})
	checkLoad(t, addr)
}

// The client takes over whatever ids the server has.
func TestLoadAdapts(t *testing.T) {
	reg := registry.New()
	reply, err := reg.AddObject(replyName, 999, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reg.AddObject(echoName, 1000, nil); err != nil {
		t.Fatal(err)
	}
	server := peer.NewServer(reg, nil)
	defer server.Close()
	server.Untyped().HandleRaw(echoName, func(c *peer.Conn, b []byte) error { return c.ReplyRaw(reply, b) })
	if err := server.RunAsync(); err != nil {
		t.Fatal(err)
	}
	addr, err := listenAt(server, "tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	checkLoad(t, addr)
}

// An interruption, and the end of standard input, end a load with its result.
func TestLoadEndsEarly(t *testing.T) {
	server := start(t, nil, "serve")
	args := []string{"load", "--connect", server.address(), "--duration", "1h"}

	t.Run("interrupted", func(t *testing.T) {
		leak.Check(t)
		p := start(t, nil, append(args, "--json")...)
		wantReady(t, p)
		p.cancel()
		wantResult(t, p.wantCode(0))
	})
	t.Run("end of input", func(t *testing.T) {
		stdin, w := io.Pipe()
		p := start(t, stdin, append(args, "--json", "--until-eof")...)
		wantReady(t, p)
		w.Close()
		wantResult(t, p.wantCode(0))
	})
	t.Run("interrupted before it began", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		var out, err strings.Builder
		if code := tool().Run(ctx, append(args, "--json"), command.IO{Out: &out, Err: &err}); code != 0 {
			t.Errorf("exit code %d; stderr:\n%s", code, &err)
		}
		wantResult(t, out.String())
	})
	t.Run("server gone", func(t *testing.T) {
		p := start(t, nil, append(args, "--json")...)
		wantReady(t, p)
		server.cancel()
		wantResult(t, p.wantCode(1))
		if !strings.Contains(p.stderr.String(), string(peer.ReasonShutdown)) {
			t.Errorf("standard error does not tell why: %s", &p.stderr)
		}
	})
}

func wantReady(t *testing.T, p *process) {
	t.Helper()
	var m message
	if err := json.Unmarshal([]byte(p.line()), &m); err != nil || m.Ready == nil || m.Ready.Conns != 64 {
		t.Fatalf("the first line is %s (%v)", p.lines.Text(), err)
	}
}

func wantResult(t *testing.T, out string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var m message
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &m); err != nil || m.Result == nil {
		t.Errorf("the last line is %s (%v)", lines[len(lines)-1], err)
	}
}

// What people see: the title, a line for each second begun, and the summary.
func TestLoadPrints(t *testing.T) {
	server := start(t, nil, "serve")
	addr := server.address()
	load := []string{"load", "--connect", addr, "--conns", "2", "--depth", "3", "--size", "40", "--duration", "20ms"}
	const number, time = `[\d,]+`, `[\d.]+ (µs|ms|s)`
	summary := `\nafter [\d.]+m?s:\n\n` +
		`  +conns +packets +packets/s +p50 +p99 +max +errors\n` +
		` +clients +2 +` + number + ` +` + number + ` +` + time + ` +` + time + ` +` + time + ` +0\n$`
	for _, test := range []struct{ flag, want string }{
		{"--quiet", `^` + summary},
		{"--quiet=false", `^2 conns to ` + addr + `, 3 packets of 40 bytes under way on each\n` +
			` +[\d.]+s  2 conns +` + number + ` packets/s  p50 +` + time + `  p99 +` + time + `\n` + summary},
	} {
		got := start(t, nil, append(load, test.flag)...).wantCode(0)
		if !regexp.MustCompile(test.want).MatchString(got) {
			t.Errorf("%s: got\n%s\nwant\n%s", test.flag, got, test.want)
		}
	}
}
