package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/packetmq/packetmq/capture"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
)

// TestTheFaultIsDoneAgain plays the file that came from production, testdata/overdrawn.pmqcap,
// to the program of then: it sends the same, and has the same fault.
func TestTheFaultIsDoneAgain(t *testing.T) {
	var b *bank
	capture.Replay(t, "testdata/overdrawn.pmqcap", func(r *engine.Reactor) capture.Program {
		b = newBank(&peer.Config{Reactor: r}, false)
		return capture.Program{Server: b.srv}
	})
	if b.balance != -60 {
		t.Errorf("the balance is %d", b.balance)
	}
}

// TestTheFaultIsMended plays it to the mended program, which does otherwise where it was wrong.
func TestTheFaultIsMended(t *testing.T) {
	file, err := os.Open("testdata/overdrawn.pmqcap")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var b *bank
	result, err := capture.Play(file, func(r *engine.Reactor) capture.Program {
		b = newBank(&peer.Config{Reactor: r}, true)
		return capture.Program{Server: b.srv}
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if b.balance != 20 || len(result.Differences) != 1 {
		t.Errorf("the balance is %d, and these differ: %v", b.balance, result.Differences)
	}
}

// TestWhatIsRecordedCanBePlayed does what a program in production does, and then the above.
func TestWhatIsRecordedCanBePlayed(t *testing.T) {
	leak.Check(t)
	name := filepath.Join(t.TempDir(), "bank.pmqcap")
	left, err := record(name)
	if err != nil {
		t.Fatal(err)
	}
	var b *bank
	capture.Replay(t, name, func(r *engine.Reactor) capture.Program {
		b = newBank(&peer.Config{Reactor: r}, false)
		return capture.Program{Server: b.srv}
	})
	if b.balance != left {
		t.Errorf("the balance is %d, and was %d", b.balance, left)
	}
	if file, err := os.ReadFile(name); err != nil || bytes.Contains(file, []byte("1234")) {
		t.Errorf("the PIN is in the file, or it cannot be read: %v", err)
	}
}
