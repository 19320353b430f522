package main

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/bench/versus/caller"
)

// Every server of rooms sends what is said to all members, and the load sees that.
func TestRoomsSend(t *testing.T) {
	for name, modes := range map[string][]string{"packetmq": {"room", "topic"}, "nats": {"room"}, "melody": {"room"}, "centrifuge": {"room"}} {
		for _, mode := range modes {
			t.Run(name+" "+mode, func(t *testing.T) { sayAll(t, startServer(t, servers()[name], mode), calls()[name][mode]) })
		}
	}
	t.Run("C", func(t *testing.T) { sayAll(t, startProgram(t, "room"), calls()["limit"]["room"]) })
}

func sayAll(t *testing.T, addr string, say call) {
	t.Helper()
	for _, size := range []int{64, 1 << 10} {
		for _, depth := range []int{1, 5} {
			ready := false
			res, err := say(t.Context(), caller.Config{Addr: addr, Conns: 20, Depth: depth, Size: size, Warmup: 5 * time.Millisecond, Duration: 30 * time.Millisecond,
				Ready: func() error { ready = true; return nil }})
			if err != nil || !ready || res.Packets == 0 || res.Packets%20 != 0 || res.P50 <= 0 {
				t.Errorf("%d B, %d under way: %+v, %v", size, depth, res, err)
			}
		}
	}
}

// An interrupted load waits for what is under way, and counts it.
func TestSayIsInterrupted(t *testing.T) {
	addr := startServer(t, servers()["packetmq"], "room")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	res, err := calls()["packetmq"]["room"](ctx, caller.Config{Addr: addr, Conns: 3, Depth: 1, Size: 64, Duration: time.Hour, Ready: func() error {
		cancel()
		return nil
	}})
	if err != nil || res.Packets != 3 {
		t.Errorf("%+v, %v", res, err)
	}
}

// What is not what was said ends the load with an error.
func TestSayComparesBytes(t *testing.T) {
	addr := startServer(t, servers()["nats"], "room")
	wrong := wrongRoom{caller.Frames{}}
	_, err := caller.Say(t.Context(), caller.Config{Addr: startProgram(t, "room"), Conns: 2, Depth: 1, Size: 64, Duration: time.Second}, wrong)
	if err == nil || !strings.Contains(err.Error(), "not what was said") {
		t.Errorf("got %v", err)
	}
	for name, cfg := range map[string]caller.Config{
		"no depth": {Addr: addr, Conns: 1, Size: 64, Duration: 1},
		"no conns": {Addr: addr, Depth: 1, Size: 64, Duration: 1},
		"nowhere":  {Addr: "nowhere", Conns: 1, Depth: 1, Size: 64, Duration: 1},
	} {
		if _, err := caller.Say(t.Context(), cfg, caller.Frames{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// wrongRoom says something else than it expects.
type wrongRoom struct{ caller.Frames }

func (r wrongRoom) Say(payload []byte) []byte {
	other := bytes.Clone(payload)
	other[len(other)-1]++
	return r.Frames.Say(other)
}

// The C program ends a conn that says what it does not know.
func TestRoomInC(t *testing.T) {
	addr := startProgram(t, "room")
	_, err := caller.Say(t.Context(), caller.Config{Addr: addr, Conns: 2, Depth: 1, Size: 64, Duration: time.Second}, unknownRoom{caller.Frames{}})
	if err == nil {
		t.Error("an unknown id was taken")
	}
	sayAll(t, addr, calls()["limit"]["room"])
	out, err := exec.Command(filepath.Join(bin(t), "room"), "--what").CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || !strings.Contains(string(out), "usage") {
		t.Errorf("%s, %v", out, err)
	}
}

// unknownRoom says a frame with an id that there is not.
type unknownRoom struct{ caller.Frames }

func (r unknownRoom) Say(payload []byte) []byte {
	frame := r.Frames.Say(payload)
	frame[5] = 99
	return frame
}
