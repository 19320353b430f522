package main

import (
	"strings"
	"testing"

	"github.com/packetmq/packetmq/internal/command/commandtest"
	"github.com/packetmq/packetmq/registry"
)

func TestSendAndCallUsage(t *testing.T) {
	for _, test := range []struct {
		line           string
		code           int
		stdout, stderr string
	}{
		{"send tcp://127.0.0.1:1 chat:say", 2, "", "accepts 3 arg(s)"},
		{"send tcp://127.0.0.1:1 chat:say {", 2, "", "unexpected EOF"},
		{"send --help", 0, "packetmq send ADDR NAME JSON", ""},
		{"send tcp://127.0.0.1:1 chat:say 1", 1, "", "packetmq send: "},
		{"call tcp://127.0.0.1:1 shop:buy", 2, "", "accepts 3 arg(s)"},
		{"call tcp://127.0.0.1:1 shop:buy 1x", 2, "", "jsonvalue: "},
		{"call tcp://127.0.0.1:1 shop:buy 1", 1, "", "packetmq call: "},
	} {
		commandtest.Check(t, program{}, test.line, test.code, test.stdout, test.stderr)
	}
}

// Integers of 64 bits, bytes and text arrive as they were written.
func TestSendPrintsWhatComes(t *testing.T) {
	for _, reg := range []*registry.Registry{registry.New(), registry.NewAdapting()} {
		srv := newServer(t, reg, nil)
		addr := listen(t, srv, "tcp://127.0.0.1:0")
		const value = `{"Text":"é<\n","Count":9007199254740993,"Big":18446744073709551615,"Data":{"$bytes":"3q0="}}`
		back := strings.Replace(value, "0993", "0994", 1)
		code, out, stderr := execute(t, "send", addr, "chat:say", value, "--wait", "1m", "-n", "1")
		if code != 0 || out != "chat:said "+back+"\n" {
			t.Errorf("code %d, %q, %s", code, out, stderr)
		}
		code, out, stderr = executeWith(t.Context(), value, "send", addr, "chat:say", "-", "--wait", "1m", "-n", "1", "--json")
		if code != 0 || out != `{"packet":"chat:said","value":`+back+"}\n" {
			t.Errorf("code %d, %q, %s", code, out, stderr)
		}
	}
}

func TestSendFails(t *testing.T) {
	srv := newServer(t, registry.New(), nil)
	addr := listen(t, srv, "tcp://127.0.0.1:0")
	if code, _, stderr := execute(t, "send", addr, "chat:sing", "1"); code != 1 || !strings.Contains(stderr, "the other side has no such packet: chat:sing") {
		t.Errorf("an unknown packet: code %d, %s", code, stderr)
	}
	code, _, stderr := execute(t, "send", addr, "chat:say", `{"Count":"many"}`, "--wait", "10s")
	if code != 1 || !strings.Contains(stderr, "the conn was lost: reason.payload") {
		t.Errorf("a value of another type: code %d, %s", code, stderr)
	}
}

func TestCall(t *testing.T) {
	for _, reg := range []*registry.Registry{registry.New(), registry.NewAdapting()} {
		srv := newServer(t, reg, nil)
		addr := listen(t, srv, "ws://127.0.0.1:0")
		for _, test := range []struct {
			name, value string
			flags       []string
			code        int
			out, stderr string
		}{
			{"shop:buy", `{"Item":"tea"}`, nil, 0, "{\"Total\":3}\n", ""},
			{"shop:buy", `{"Item":"tea"}`, []string{"--json"}, 0, "{\"answer\":{\"Total\":3}}\n", ""},
			{"shop:buy", `{"Item":"gold"}`, nil, 1, "", "shop:poor"},
			{"shop:buy", `{"Item":"gold"}`, []string{"--json"}, 1, "{\"error\":{\"name\":\"shop:poor\",\"text\":\"\",\"data\":{\"Of\":7}}}\n", "shop:poor"},
			{"shop:buy", `{"Item":"air"}`, []string{"--json"}, 1, "{\"error\":{\"text\":\"there is none\"}}\n", "there is none"},
			{"shop:buy", `{"Item":"bomb"}`, nil, 1, "", "packetmq call: call: "},
			{"shop:sell", `1`, nil, 1, "", "no such packet"},
			{"chat:say", `1`, nil, 1, "", "no such call: chat:say has no chat:say.answer"},
		} {
			args := append([]string{"call", addr, test.name, test.value}, test.flags...)
			code, out, stderr := execute(t, args...)
			if code != test.code || out != test.out || !strings.Contains(stderr, test.stderr) {
				t.Errorf("%v: code %d, %q, %q", args, code, out, stderr)
			}
		}
	}
}
