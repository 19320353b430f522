package attack

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/siege/wire"
)

// faultVar names the variable that makes this test's program a server which
// does something that it should not.
const faultVar = "SIEGE_FAULT"

// TestMain never runs the tests where a command is given: a row that started
// the tests as its clients would start them again and again.
func TestMain(m *testing.M) {
	command := ""
	if len(os.Args) > 1 {
		command = os.Args[1]
	}
	switch command {
	case "serve":
		if err := serveFaulty(os.Getenv(faultVar)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case "load": // clients that do nothing until they are killed
		fmt.Println("ready")
		io.Copy(io.Discard, os.Stdin)
	default:
		os.Exit(m.Run())
	}
}

// serveFaulty is bench's serve, with a fault.
func serveFaulty(fault string) error {
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	cfg := &peer.Config{Logger: logger, Engine: &engine.Config{}}
	if fault == "silent" {
		cfg.Logger = nil
	}
	if fault == "impatient" {
		cfg.Idle = 200 * time.Millisecond
	}
	held := make(chan struct{})
	cfg.OnMade = func(*peer.Conn) {
		switch fault {
		case "leaks":
			go func() { <-held }()
		case "chatty":
			logger.Info("a conn was made")
		}
	}
	reg := registry.New()
	if strings.Contains(strings.Join(os.Args, " "), "--adapt") {
		reg = registry.NewAdapting()
	}
	s := peer.NewServer(reg, cfg)
	defer s.Close()
	if _, err := s.Registry().AddObject("bench:echo", wire.IDEcho, nil); err != nil {
		return err
	}
	reply, err := s.Registry().AddObject("bench:reply", wire.IDReply, nil)
	if err != nil {
		return err
	}
	var last []byte // what another conn sent
	s.Untyped().HandleRaw("bench:echo", func(c *peer.Conn, b []byte) error {
		switch {
		case fault == "dies" && len(b) > 1<<16:
			os.Exit(3)
		case fault == "mixes up" && c.ID()%64 == 0 && len(last) == len(b):
			return c.ReplyRaw(reply, last)
		case fault == "hangs" && c.ID() == 100:
			return nil
		}
		last = bytes.Clone(b)
		return c.ReplyRaw(reply, b)
	})
	if err := s.RunAsync(); err != nil {
		return err
	}
	ln, err := s.Listen("tcp://127.0.0.1:0")
	if err != nil {
		return err
	}
	asked, ended := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	signal.Notify(ended, syscall.SIGTERM)
	fmt.Println("listening tcp://" + ln.Addr().String())
	closed := make(chan struct{})
	go func() { io.Copy(io.Discard, os.Stdin); close(closed) }()
	for {
		select {
		case <-asked:
			r := s.Reactor()
			fmt.Fprintln(os.Stderr, "goroutines", runtime.NumGoroutine(), "conns", r.Conns(), "buffers", r.Buffers().Out(), "heap", 1<<20)
		case <-ended:
			if fault == "loses" {
				return nil
			}
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			return s.Shutdown(ctx)
		case <-closed:
			return nil
		}
	}
}

// What a server does wrong is found by the row that is about it; one that does
// nothing wrong is not.
func TestRowsFindFaults(t *testing.T) {
	for _, test := range []struct{ fault, row, want string }{
		{"", "reuse", ""},
		{"", "wrong", ""},
		{"", "idle", ""},
		{"dies", "inputs", "ended"},
		{"mixes up", "reuse", "the reply to packet"},
		{"chatty", "log", "lines in"},
		{"silent", "log", "0 lines"},
		{"hangs", "idle", "i/o timeout"},
		{"loses", "ends", "owed at SIGTERM"},
		{"impatient", "frozen", "in time stayed; one was told: reason.timeout"},
	} {
		t.Run(test.fault+" "+test.row, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			err := runFaulty(t, test.fault, test.row, &out)
			if (err != nil) != (test.want != "") {
				t.Errorf("got error %v", err)
			}
			if !strings.Contains(out.String(), test.want) {
				t.Errorf("no word of %q:\n%s", test.want, &out)
			}
		})
	}
}

// runFaulty runs one row against this program as a server.
func runFaulty(t *testing.T, fault, row string, out io.Writer) error {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Run(t.Context(), Config{Server: exe, Only: []string{row}, Quick: true, Out: out, env: []string{faultVar + "=" + fault}})
}
