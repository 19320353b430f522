package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/internal/leak"
)

const (
	served = `server: conn 1 says "hello"
server: conn 1 says "is anybody there?"
server: conn 1 says "goodbye"
server: conn 1 left: echo.done
`
	talked = `client: the server heard "hello", its number 1
client: the server heard "is anybody there?", its number 2
client: the server heard "goodbye", its number 3
`
)

func TestBoth(t *testing.T) {
	leak.Check(t)
	var out bytes.Buffer
	if err := run(t.Context(), "", "", &out); err != nil {
		t.Fatal(err)
	}
	s, c := strings.SplitAfter(served, "\n"), strings.SplitAfter(talked, "\n")
	want := "server: listening on ADDR\n" + s[0] + c[0] + s[1] + c[1] + s[2] + c[2] + s[3]
	got := regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(out.String(), "ADDR")
	if got != want {
		t.Errorf("printed\n%s\nwant\n%s", got, want)
	}
}

func TestOneSideEach(t *testing.T) {
	leak.Check(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, "127.0.0.1:0", "", w)
		w.CloseWithError(err) // nil: the end of what is read
		ended <- err
	}()
	printed := bufio.NewReader(r)
	line, err := printed.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	addr := strings.TrimSpace(strings.TrimPrefix(line, "server: listening on "))

	rest := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(printed)
		rest <- string(text)
	}()
	var client bytes.Buffer
	if err := run(t.Context(), "", addr, &client); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := client.String(); got != talked {
		t.Errorf("the client printed\n%s\nwant\n%s", got, talked)
	}
	if got := <-rest; got != served {
		t.Errorf("the server printed\n%s\nwant\n%s", got, served)
	}
}

func TestErrors(t *testing.T) {
	leak.Check(t)
	if err := run(t.Context(), "no address", "", io.Discard); err == nil {
		t.Error("served at no address")
	}
	if err := run(t.Context(), "", "tcp://", io.Discard); err == nil {
		t.Error("connected to no address")
	}
}
