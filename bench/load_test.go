package main

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
		{"bytes behind", func(c *peer.Conn, reply *registry.Type, b []byte) error {
			return c.ReplyRaw(reply, append(bytes.Clone(b), 0xc0))
		}, "behind the object"},
		{"a field too many", func(c *peer.Conn, reply *registry.Type, _ []byte) error {
			return c.ReplyRaw(reply, codec.AppendNil(codec.AppendString(codec.AppendMapHeader(nil, 1), "more")))
		}, `"more"`},
		{"two answers to one", func(c *peer.Conn, reply *registry.Type, b []byte) error {
			if err := c.ReplyRaw(reply, b); err != nil {
				return err
			}
			return c.ReplyRaw(reply, b)
		}, "conn "},
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
			err := load(context.Background(), &cfg, quietly{&out})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got the error %v, want %q in it", err, test.want)
			}
			if m := regexp.MustCompile(`clients.* (\d+)\n`).FindStringSubmatch(out.String()); m == nil || m[1] == "0" {
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
	reg := registry.New(false)
	reply, err := reg.Add(replyName, 999, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reg.Add(echoName, 1000, nil); err != nil {
		t.Fatal(err)
	}
	server := peer.NewServer(reg, nil)
	defer server.Close()
	if err := peer.HandleRaw(server, echoName, func(c *peer.Conn, b []byte) error { return c.ReplyRaw(reply, b) }); err != nil {
		t.Fatal(err)
	}
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
	addr := server.address()
	stdin, w := io.Pipe()
	tests := []struct {
		name  string
		flags []string
		stop  func(*process)
	}{
		{"interrupted", nil, func(p *process) { p.cancel() }},
		{"end of input", []string{"--until-eof"}, func(*process) { w.Close() }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			leak.Check(t)
			p := start(t, stdin, append(test.flags, "load", "--connect", addr, "--duration", "1h", "--json")[len(test.flags):]...)
			_ = p
		})
	}
}
