package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/bench/versus/gnetpeer"
	"github.com/packetmq/packetmq/bench/versus/result"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// shapes are loads of all kinds.
var shapes = map[string][]string{
	"one":      {"--conns", "1", "--depth", "1"},
	"batches":  {"--conns", "3", "--depth", "64"},
	"large":    {"--conns", "2", "--depth", "4", "--size", "65536"},
	"middle":   {"--conns", "2", "--depth", "4", "--size", "300"},
	"inflight": {"--conns", "10", "--inflight", "7"},
	"rate":     {"--conns", "4", "--rate", "2000"},
}

func check(t *testing.T, addr string, args ...string) result.Load {
	t.Helper()
	l, stderr, err := load(t, addr, args...)
	// A machine with other work may give the server nothing of a short window.
	for d := 200 * time.Millisecond; err == nil && l.Packets == 0 && d < 20*time.Second; d *= 4 {
		l, stderr, err = load(t, addr, append(slices.Clone(args), "--duration", strconv.FormatInt(d.Milliseconds(), 10)+"ms")...)
	}
	if err != nil || l.Errors != 0 || l.Packets == 0 || stderr != "" {
		t.Fatalf("%+v %v %s", l, err, stderr)
	}
	if !(0 < l.P50 && l.P50 <= l.P90 && l.P90 <= l.P99 && l.P99 <= l.P999 && l.P999 <= l.Max) || l.Seconds < 0.03 || l.CPU <= 0 {
		t.Errorf("%+v", l)
	}
	return l
}

func TestLimit(t *testing.T) {
	for name, args := range shapes {
		t.Run(name, func(t *testing.T) { check(t, startLimit(t), args...) })
	}
	t.Run("two loops", func(t *testing.T) { check(t, startLimit(t, "--loops", "2"), shapes["batches"]...) })
	for _, args := range [][]string{{"--loops"}, {"--loops", "0"}, {"--loops", "65"}, {"more"}, {"--colour", "red"}} {
		if out, err := exec.Command(filepath.Join(bin(t), "limit"), args...).CombinedOutput(); err == nil || !strings.Contains(string(out), "usage") {
			t.Errorf("%v: %v %s", args, err, out)
		}
	}
}

func TestServers(t *testing.T) {
	for _, name := range []string{"gnet", "gnet-naive", "net", "net64k", "netpoll", "nbio"} {
		for shape, args := range shapes {
			t.Run(name+"/"+shape, func(t *testing.T) { check(t, startServer(t, servers()[name], "raw"), args...) })
		}
		for _, mode := range []string{"typed", "any"} {
			t.Run(name+"/"+mode, func(t *testing.T) {
				// A server each: nbio now and then closes a conn that comes where
				// another has just gone.
				for _, size := range []string{"33", "64", "1024", "65536"} {
					check(t, startServer(t, servers()[name], mode), "--conns", "2", "--depth", "3", "--size", size)
				}
			})
		}
		t.Run(name+"/other", func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := servers()[name](ctx, "127.0.0.1:0", "other", io.Discard); err == nil {
				t.Error("a mode that there is not")
			}
		})
	}
}

// The load speaks packetmq's handshake.
func TestHandshake(t *testing.T) {
	addr := startServer(t, func(ctx context.Context, addr, _ string, out io.Writer) error {
		reg := registry.New()
		if _, err := reg.AddObject("bench:echo", 17, nil); err != nil {
			return err
		}
		reply, err := reg.AddObject("bench:reply", 18, nil)
		if err != nil {
			return err
		}
		s := peer.NewServer(reg, nil)
		defer s.Close()
		s.Untyped().HandleRaw("bench:echo", func(c *peer.Conn, b []byte) error { return c.ReplyRaw(reply, b) })
		if err := s.RunAsync(); err != nil {
			return err
		}
		ln, err := s.Listen("tcp://" + addr)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, "listening", ln.Addr())
		<-ctx.Done()
		return nil
	}, "")
	for name, args := range shapes {
		t.Run(name, func(t *testing.T) { check(t, addr, append(args, "--handshake")...) })
	}
	if _, stderr, err := load(t, addr); err == nil || !strings.Contains(stderr, "wrong reply") {
		t.Errorf("without it: %v %s", err, stderr)
	}
}

// Several loops have nothing in common.
func TestServerLoops(t *testing.T) {
	for shape, args := range shapes {
		t.Run(shape, func(t *testing.T) { check(t, startServer(t, gnetpeer.Several(2), "typed"), args...) })
	}
}

func TestIdle(t *testing.T) {
	l, stderr, err := load(t, startLimit(t), "--conns", "50", "--depth", "0")
	if err != nil || l.Packets != 0 || l.Errors != 0 || l.Conns != 50 {
		t.Errorf("%+v %v %s", l, err, stderr)
	}
}

func TestRate(t *testing.T) {
	l := check(t, startLimit(t), "--conns", "3", "--rate", "1000", "--duration", "100ms")
	// How many come in time is up to the machine; never more than are due, but
	// for those that were due before.
	if l.Rate != 1000 || l.Packets > 1000 {
		t.Errorf("%+v", l)
	}
}

// The load tells what a process had of the CPU; here its own.
func TestServerClock(t *testing.T) {
	l := check(t, startLimit(t), "--pid", strconv.Itoa(os.Getpid()))
	if l.ServerCPU < 0 || l.ServerCPU > 100e9 {
		t.Errorf("%+v", l)
	}
	if _, stderr, err := load(t, startLimit(t), "--pid", "4194304"); err == nil || !strings.Contains(stderr, "no such process") {
		t.Errorf("%v %s", err, stderr)
	}
}

// A server that is wrong in any way is found out.
func TestLoadCatches(t *testing.T) {
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte {
			b[at] ^= 1
			return b
		}
	}
	const size = 6 + 64
	faults := map[string]func(reply []byte) []byte{
		"nothing sent": func([]byte) []byte { return nil },
		"twice":        func(b []byte) []byte { return append(b, b...) },
		"cut off":      func(b []byte) []byte { return b[:len(b)-1] },
	}
	for at := range size { // header, id, map, keys, numbers, body
		faults["byte "+strconv.Itoa(at)] = flip(at)
	}
	for name, spoil := range faults {
		t.Run(name, func(t *testing.T) {
			addr := startServer(t, spoiler(spoil), "")
			// It ends with its only conn, however long it has.
			l, stderr, err := load(t, addr, "--depth", "3", "--duration", "20s")
			if err == nil || l.Errors == 0 {
				t.Errorf("%+v %s", l, stderr)
			}
		})
	}
}

// spoiler answers well but for one reply, the tenth; then it closes.
func spoiler(spoil func([]byte) []byte) server {
	return func(ctx context.Context, addr, _ string, out io.Writer) error {
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		defer context.AfterFunc(ctx, func() { ln.Close() })()
		fmt.Fprintln(out, "listening", ln.Addr())
		c, err := ln.Accept()
		ln.Close()
		if err != nil {
			return nil // the test has ended first
		}
		defer c.Close()
		r := bufio.NewReader(c)
		frame := make([]byte, 6+64)
		for n := range 20 {
			if _, err := io.ReadFull(r, frame); err != nil {
				return nil // the load has seen enough
			}
			binary.BigEndian.PutUint16(frame[4:], 18)
			reply := frame
			if n == 9 {
				reply = spoil(frame)
			}
			if _, err := c.Write(reply); err != nil {
				return nil
			}
		}
		return nil
	}
}

func TestLoadRefuses(t *testing.T) {
	for _, args := range [][]string{
		{}, {"--connect", "nowhere"}, {"--connect", "127.0.0.1:1", "--conns", "0"}, {"--connect", "127.0.0.1:1", "--size", "32"},
		{"--connect", "127.0.0.1:1", "--size", "289"}, {"--connect", "127.0.0.1:1", "--duration", "5"}, {"--connect", "127.0.0.1:1", "--size", "x"},
		{"--connect", "127.0.0.1:1", "more"}, {"--connect", "127.0.0.1:1", "--rate", "5", "--inflight", "5"}, {"--colour"},
	} {
		cmd := exec.Command(filepath.Join(bin(t), "load"), args...)
		if out, err := cmd.CombinedOutput(); err == nil || len(out) == 0 || strings.Contains(string(out), "anitizer") || strings.Contains(string(out), "runtime error") {
			t.Errorf("%v: %v %s", args, err, out)
		}
	}
}

func TestFan(t *testing.T) {
	out, err := exec.Command(filepath.Join(bin(t), "fan"), "--conns", "20", "--duration", "20ms").CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"ns_per_write"`) {
		t.Errorf("%v %s", err, out)
	}
}
