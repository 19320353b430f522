package main

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/internal/command/commandtest"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

func TestPingUsage(t *testing.T) {
	for _, test := range []struct {
		line           string
		code           int
		stdout, stderr string
	}{
		{"ping", 2, "", "accepts 1 arg(s)"},
		{"ping --help", 0, "packetmq ping ADDR", ""},
		{"ping a b", 2, "", "accepts 1 arg(s)"},
		{"ping -n -1 tcp://127.0.0.1:1", 2, "", "cannot be below 0"},
		{"ping --timeout soon tcp://127.0.0.1:1", 2, "", "invalid argument"},
		{"ping --cert x tcp://127.0.0.1:1", 2, "", "--cert and --key belong together"},
		{"ping --ca nowhere.pem tcp://127.0.0.1:1", 1, "", "nowhere.pem"},
		{"ping --ca main.go tls://127.0.0.1:1", 1, "", "no certificate is in it"},
		{"ping --token-file nowhere tcp://127.0.0.1:1", 1, "", "nowhere"},
		{"ping tcp://127.0.0.1:1", 1, "", "packetmq ping: "},
		{"ping quic://127.0.0.1:1", 1, "", "packetmq ping: "},
		{"ping tcp://127.0.0.1:1 --against nowhere.json", 1, "", "nowhere.json"},
	} {
		commandtest.Check(t, program{}, test.line, test.code, test.stdout, test.stderr)
	}
}

func TestPingTells(t *testing.T) {
	srv := newServer(t, registry.New(), &peer.Config{Identity: peer.Identity{Version: "1.2\x1b[2J"}})
	addr := listen(t, srv, "tcp://127.0.0.1:0")
	code, out, stderr := execute(t, "ping", addr, "-i", "0s")
	if code != 0 || stderr != "" {
		t.Fatalf("code %d, %q", code, stderr)
	}
	for _, want := range []string{
		addr + " speaks version 1 and insists on its ids; connected in ",
		"  program   1.2\uFFFD[2J\n",
		"  features  optional packets, shapes, program version",
		"  frames    up to 1048576 bytes\n",
		"  packets   4\n       20  chat:say\n       21  chat:said  (optional)\n       30  shop:buy\n       31  shop:buy.answer\n",
		"3 round trips: ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("there is no %q in:\n%s", want, out)
		}
	}
}

func TestPingJSONAndDifferences(t *testing.T) {
	srv := newServer(t, registry.New(), nil)
	addr := listen(t, srv, "tcp://127.0.0.1:0")
	code, out, stderr := execute(t, "ping", addr, "--json", "-n", "2", "-i", "0s", "--against", "./testdata/chat")
	var r pingResult
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 {
		t.Fatalf("code %d, %v, %s%s", code, err, out, stderr)
	}
	if len(r.RTT) != 2 || r.RTT[0] <= 0 || r.Connect <= 0 || !r.Heartbeat || len(r.Packets) != 4 || r.Packets[0].Shape == 0 || r.Differences != nil {
		t.Errorf("told %s", out)
	}

	file := filepath.Join(t.TempDir(), "told.json")
	if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr = execute(t, "ping", addr, "-n", "0", "--against", file); code != 0 {
		t.Errorf("against itself: code %d, %s", code, stderr)
	}

	code, out, stderr = execute(t, "ping", addr, "-n", "0", "--against", "./testdata/later")
	want := "  adapted  chat:said: only there\n" +
		"  adapted  chat:say: 25 here, 20 there\n" +
		"  differs  chat:say: another type: shape "
	if code != 1 || !strings.Contains(out, want) || !strings.Contains(out, "  differs  chat:shout: only here\n") || !strings.Contains(stderr, "the packets differ") {
		t.Errorf("against another version: code %d, %s\n%s", code, stderr, out)
	}
}

// Every kind of address, and both policies about ids.
func TestPingOverAllTransports(t *testing.T) {
	cfg, ca := certificate(t)
	for _, adapts := range []bool{false, true} {
		reg := registry.New()
		if adapts {
			reg = registry.NewAdapting()
		}
		srv := newServer(t, reg, &peer.Config{Wire: peer.Wire{TLS: cfg}})
		for _, addr := range []string{
			"tcp://127.0.0.1:0", "tls://127.0.0.1:0", "unix://" + filepath.Join(t.TempDir(), "s"), "ws://127.0.0.1:0", "wss://127.0.0.1:0",
		} {
			at := listen(t, srv, addr)
			code, out, stderr := execute(t, "ping", at, "-n", "1", "--ca", ca, "--json")
			var r pingResult
			err := json.Unmarshal([]byte(out), &r)
			if code != 0 || err != nil || r.Adapts != adapts || len(r.Packets) != 4 || len(r.RTT) != 1 {
				t.Errorf("%s, adapts %v: code %d, %v, %s%s", at, adapts, code, err, out, stderr)
			}
			if code, _, _ = execute(t, "ping", at, "-n", "0", "--insecure"); code != 0 {
				t.Errorf("%s: code %d without a look at the certificate", at, code)
			}
			secure := strings.HasPrefix(at, "tls") || strings.HasPrefix(at, "wss")
			if code, _, _ = execute(t, "ping", at, "-n", "0"); secure != (code == 1) {
				t.Errorf("%s: code %d with the system's certificates", at, code)
			}
		}
	}
}

// A server that does not answer heartbeats, one that wants a token, and one that is none.
func TestPingOfOthers(t *testing.T) {
	plain := newServer(t, registry.New(), &peer.Config{Identity: peer.Identity{NoExtensions: true}})
	code, out, stderr := execute(t, "ping", listen(t, plain, "tcp://127.0.0.1:0"))
	if code != 0 || !strings.Contains(out, "no round trip: remote: the other side does not know heartbeats") || !strings.Contains(out, "  packets   3\n") {
		t.Errorf("without extensions: code %d, %s%s", code, out, stderr)
	}

	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	guarded := newServer(t, registry.New(), &peer.Config{Identity: peer.Identity{
		Authenticate: func(_ *peer.Conn, cred peer.Credentials) error {
			if string(cred.Token) != "sesame" {
				return peer.ReasonDenied
			}
			return nil
		},
	}})
	addr := listen(t, guarded, "tcp://127.0.0.1:0")
	if code, out, stderr = execute(t, "ping", addr, "-n", "0", "--token-file", token); code != 0 || !strings.Contains(out, "token     is asked for") {
		t.Errorf("with the token: code %d, %s%s", code, out, stderr)
	}
	if code, _, stderr = execute(t, "ping", addr, "-n", "0"); code != 1 || !strings.Contains(stderr, "reason.denied") {
		t.Errorf("without the token: code %d, %s", code, stderr)
	}

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			nc.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			nc.Close()
		}
	}()
	if code, _, stderr = execute(t, "ping", "tcp://"+ln.Addr().String()); code != 1 {
		t.Errorf("of another protocol: code %d, %s", code, stderr)
	}
}
