//go:build unix

package main

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/examples/arena/game"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/session"
	"github.com/packetmq/packetmq/state"
)

// asCommand has the test binary be the command.
const asCommand = "ARENA_TEST_AS_COMMAND"

const arenaKey = "secret"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// process is a node's process, and what it has printed.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	addr string // for players

	mu    sync.Mutex
	lines []string // guarded by mu
}

// start starts a node, in a group of processes together with its bots.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(os.Args[0], args...)}
	p.cmd.Env = append(os.Environ(), asCommand+"=1", "ARENA_KEY="+arenaKey)
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.mu.Lock()
			p.lines = append(p.lines, s.Text())
			p.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // its bots too, which outlive it
		<-ended
		p.cmd.Wait()
		if t.Failed() {
			t.Logf("node %v printed:\n%s", args, strings.Join(p.lines, "\n"))
		}
	})
	p.addr = "tcp://" + p.waitFor(`^listening on (.*)$`)
	p.waitFor(`^node \w+ is process (\d+)$`)
	return p
}

// kill ends the node without a word. Its bots go on.
func (p *process) kill() { p.cmd.Process.Kill() }

// waitFor waits for a line, and returns what is in its parentheses.
func (p *process) waitFor(pattern string) (found string) {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	await.True(p.t, "a line "+pattern, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, line := range p.lines {
			if m := re.FindStringSubmatch(line); m != nil {
				found = m[len(m)-1]
				return true
			}
		}
		return false
	})
	return found
}

// The packets of a player, by their names.
var (
	pos     = state.Define("arena:pos", 20, func(p *game.Pos) uint64 { return p.ID })
	move    = registry.Define[game.Move]("arena:move", 21)
	say     = registry.Define[game.Say]("arena:say", 22)
	said    = registry.Define[game.Said]("arena:said", 23)
	enter   = call.Define[game.Enter, game.Place]("arena:enter", 24)
	whisper = call.Define[game.Whisper, game.Done]("arena:whisper", 28)
	use     = call.Define[game.Use, game.Used]("arena:use", 26)
	ready   = call.Define[game.Question, game.Reply]("arena:ready", 30)
)

// player is a person's client.
type player struct {
	*session.Session
	t     *testing.T
	heard chan game.Said
	sees  *state.Mirror[game.Pos]
	ends  chan error
	at    game.Pos // when it was let in
}

// join has a player come into room0 at a node.
func join(t *testing.T, name string, at *process) *player {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), await.Patience)
	defer cancel()
	reg := registry.NewAdapting()
	reg.MustAdd(move, say, said)
	for _, list := range [][]registry.Definition{pos.Packets(), enter.Packets(), use.Packets(), whisper.Packets(), ready.Packets()} {
		reg.MustAdd(list...)
	}
	mac := hmac.New(sha256.New, []byte(arenaKey))
	fmt.Fprint(mac, name)
	token := []byte(name + " " + hex.EncodeToString(mac.Sum(nil)))
	cli := peer.NewClient(reg, &peer.Config{Identity: peer.Identity{Token: func(*peer.Conn) []byte { return token }}})
	p := &player{t: t, heard: make(chan game.Said, 1000), ends: make(chan error, 1)}
	peer.Handle(cli, said, func(_ *peer.Conn, m *game.Said) error { p.heard <- *m; return nil })
	call.Handle(cli, ready, func(*call.Context, *game.Question) (*game.Reply, error) { return &game.Reply{Ready: true}, nil })
	p.sees = state.NewMirror(cli, pos, nil)
	if err := cli.RunAsync(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cli.Close() })
	var err error
	if p.Session, err = session.Dial(ctx, cli, at.addr, nil); err != nil {
		t.Fatal(err)
	}
	p.OnLost(func(reason error) { p.ends <- reason })
	place, err := call.Do(ctx, p.Conn(), enter, &game.Enter{Room: "room0"})
	if err != nil {
		t.Fatal(err)
	}
	p.at = place.At
	return p
}

// hears waits for a line of chat, whatever others say before.
func (p *player) hears(want game.Said) {
	p.t.Helper()
	for {
		if m := await.Value(p.t, fmt.Sprintf("line %+v", want), p.heard); m == want {
			return
		}
	}
}

// seesAt waits until the player sees another one at a place.
func (p *player) seesAt(want game.Pos) {
	p.t.Helper()
	await.True(p.t, fmt.Sprintf("player at %+v", want), func() bool {
		var at game.Pos
		var ok bool
		p.Loop().Call(p.t.Context(), func() { at, ok = p.sees.Get(want.ID) })
		return ok && at == want
	})
}
