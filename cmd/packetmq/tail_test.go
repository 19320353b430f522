package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/cmd/packetmq/testdata/chat"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/command"
	"github.com/packetmq/packetmq/internal/command/commandtest"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

func TestTailUsage(t *testing.T) {
	for _, test := range []struct {
		line           string
		code           int
		stdout, stderr string
	}{
		{"tail localhost:1", 2, "", "--conn is missing"},
		{"tail --conn 7", 2, "", "accepts 1 arg(s)"},
		{"tail --conn x localhost:1", 2, "", "invalid argument"},
		{"tail --conn 7 ftp://localhost", 2, "", "want HOST:PORT"},
		{"tail --conn 7 --header x localhost:1", 2, "", "want NAME: VALUE"},
		{"tail --help", 0, "packetmq tail ADDR --conn N", ""},
		{"tail --conn 7 127.0.0.1:1", 1, "", "packetmq tail: "},
	} {
		commandtest.Check(t, program{}, test.line, test.code, test.stdout, test.stderr)
	}
}

// begin runs a command line until ctx is done or it ends, and returns its lines and its exit
// code.
func begin(ctx context.Context, args ...string) (out, errs *lines, code chan int) {
	out, errs, code = newLines(), newLines(), make(chan int, 1)
	go func() { code <- program{}.Run(ctx, args, command.IO{In: strings.NewReader(""), Out: out, Err: errs}) }()
	return out, errs, code
}

// sayUntil has the client say something until a line comes, which shows that the trace has
// begun.
func sayUntil(t *testing.T, c *peer.Conn, out *lines) (line string) {
	t.Helper()
	await.True(t, "a line", func() bool {
		if err := peer.Send(c, chat.Say, &chat.Line{Text: "é\x1b", Count: 1<<53 + 1}); err != nil {
			t.Fatal(err)
		}
		select {
		case line = <-out.ch:
			return true
		default:
			return false
		}
	})
	return line
}

func TestTailShowsThePacketsOfOneConn(t *testing.T) {
	srv := newServer(t, registry.New(), nil)
	c := newClient(t, listen(t, srv, "tcp://127.0.0.1:0"))
	at, conn := newConsole(t, srv), fmt.Sprint(atServer(t, srv))

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, errs, code := begin(ctx, "tail", at, "--conn", conn, "--packet", "*:say", "--packet", "other")
	line := sayUntil(t, c, out)
	if !strings.Contains(line, ` received chat:say `) || !strings.Contains(line, ` B {"`) || !strings.Contains(line, `"Count":"9007199254740993"`) {
		t.Errorf("the line is %q", line)
	}
	cancel()
	if got := await.Value(t, "the end", code); got != 0 || len(errs.ch) > 0 {
		t.Errorf("interrupted: code %d, %d lines", got, len(errs.ch))
	}

	out, _, code = begin(t.Context(), "tail", at, "--conn", conn, "--packet", "chat:said", "--json", "-n", "2")
	line = sayUntil(t, c, out)
	if !strings.Contains(line, `"direction":"sent","packet":"chat:said"`) || !strings.Contains(line, `"Count":"9007199254740994"`) {
		t.Errorf("the line is %q", line)
	}
	sayUntil(t, c, out)
	if got := await.Value(t, "the end", code); got != 0 {
		t.Errorf("after two packets: code %d", got)
	}

	out, _, code = begin(t.Context(), "tail", at, "--conn", conn)
	sayUntil(t, c, out)
	c.Close()
	if got := await.Value(t, "the end", code); got != 0 {
		t.Errorf("after the conn: code %d", got)
	}
}

func TestTailFails(t *testing.T) {
	srv := newServer(t, registry.New(), nil)
	at := newConsole(t, srv)
	for _, test := range []struct{ want, line string }{
		{"404 Not Found: there is no conn 99", "tail --conn 99 " + at},
		{"403 Forbidden: not allowed", "tail --conn 99 -H X-Who:nobody " + at},
	} {
		code, _, stderr := execute(t, strings.Fields(test.line)...)
		if code != 1 || !strings.Contains(stderr, test.want) {
			t.Errorf("%s: code %d, %s", test.line, code, stderr)
		}
	}
}

func TestGlob(t *testing.T) {
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true}, {"*", "", true}, {"a", "", false}, {"", "a", false},
		{"app:*", "app:a/b", true}, {"app:*", "apple:a", false}, {"*:s?y", "chat:say", true},
		{"*a*b*", "xaxbx", true}, {"*a*b", "xaxbx", false}, {"?", "", false}, {"[a", "[a", true},
	} {
		if got := glob(test.pattern, test.name); got != test.want {
			t.Errorf("glob(%q, %q) is %v", test.pattern, test.name, got)
		}
	}
}
