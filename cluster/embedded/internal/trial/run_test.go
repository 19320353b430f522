package trial

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/command"
	"github.com/packetmq/packetmq/internal/leak"
)

func shortRun() *runConfig {
	return &runConfig{duration: 3 * time.Second, users: 12, rooms: 2, rate: 300, plain: true, node: selfAsNode, copies: true, lease: time.Second}
}

// A run in which a node is killed keeps all promises, and says so. Its users' sessions go on at
// other nodes.
func TestRun(t *testing.T) {
	testRun(t, shortRun(), `n2 killed`, `n2 was gone after +\d`, `users of these nodes +4 +4 kept their session, 0 began another one`)
}

// Without copies the sessions of a node that is killed end, and that is told.
func TestRunWithoutCopies(t *testing.T) {
	if testing.Short() {
		t.Skip("the lease is waited for, and then for traffic")
	}
	cfg := shortRun()
	cfg.copies = false
	testRun(t, cfg, `n2 killed`, `n2 was gone after +\d`, `users of these nodes +4 +0 kept their session, 4 began another one`)
}

// A run in which all nodes are replaced ends no session.
func TestRunRestarts(t *testing.T) {
	cfg := shortRun()
	cfg.restart = true
	testRun(t, cfg, `nodes replaced +3 `, `, 0 left`, `told by the end of a session +0`, `handled again +0`,
		`users of these nodes +12 +12 kept their session, 0 began another one`)
}

// testRun runs what cfg says, and looks for texts in what it prints.
func testRun(t *testing.T, cfg *runConfig, texts ...string) {
	t.Helper()
	leak.Check(t)
	var out strings.Builder
	if err := run(t.Context(), cfg, &out); err != nil {
		t.Errorf("the run ended with %v", err)
	}
	for _, want := range append(texts,
		`(?m)^3 nodes: n1 \(process \d+\), n2 `, `lost without a word +0`, `doubled, out of order +0, 0`, ` 0 are not back`,
	) {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("there is no %q in what it prints", want)
		}
	}
	t.Log(out.String())
	if left := children(); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
}

// until is a Writer that calls f when it is written to for the third time.
type until struct {
	io.Writer
	f    func()
	left int
}

func (u *until) Write(b []byte) (int, error) {
	if u.left--; u.left == 0 {
		u.f()
	}
	return u.Writer.Write(b)
}

// An interrupted run ends all processes.
func TestRunInterrupted(t *testing.T) {
	leak.Check(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out strings.Builder
	cfg := shortRun()
	cfg.duration = time.Hour
	if err := run(ctx, cfg, &until{&out, cancel, 3}); err != nil {
		t.Errorf("the run ended with %v", err)
	}
	if left := children(); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
}

// A run that is interrupted while a node is replaced ends the process of the new node too.
func TestRunInterruptedInARestart(t *testing.T) {
	leak.Check(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cfg := shortRun()
	cfg.restart = true
	node, started := cfg.node, 0 // the fourth takes the place of the first
	cfg.node = func() *exec.Cmd {
		if started++; started == 4 {
			cancel()
		}
		return node()
	}
	if err := run(ctx, cfg, io.Discard); err != nil {
		t.Errorf("the run ended with %v", err)
	}
	if left := children(); len(left) > 0 || started != 4 {
		t.Errorf("of %d processes these are left: %v", started, left)
	}
}

// A run that has seen a promise broken ends with an error.
func TestRunNoticesBrokenPromises(t *testing.T) {
	for what, do := range map[string]func(a *account, r *trialRun){
		"a packet that is lost": func(a *account, r *trialRun) { n := a.notes(3); receive(a, n[0], n[2]) },
		"one that comes twice":  func(a *account, r *trialRun) { n := a.notes(1); receive(a, n[0], n[0]) },
		"one that comes late":   func(a *account, r *trialRun) { n := a.notes(2); receive(a, n[1], n[0]) },
		"a user who is not back": func(a *account, r *trialRun) {
			r.list = append(r.list, new(User), &User{Name: "bob", awaySet: true})
		},
		"a member that leaves twice": func(a *account, r *trialRun) {
			n := new(runNode)
			n.Tell(Event{Kind: hasJoined, Room: "room0", User: "ann", Node: "n1"})
			n.Tell(Event{Kind: hasLeft, Room: "room0", User: "ann", Node: "n1"})
			n.Tell(Event{Kind: hasLeft, Room: "room0", User: "ann", Node: "n1"})
			r.nodes = append(r.nodes, n)
		},
	} {
		a := newAccount()
		r := &trialRun{runConfig: shortRun(), users: &Users{Ledger: a.Ledger}}
		if err := r.tell(io.Discard); err != nil {
			t.Errorf("nothing is wrong, and it ends with %v", err)
		}
		do(a, r)
		if err := r.tell(io.Discard); !errors.Is(err, ErrBroken) {
			t.Errorf("%s: it ends with %v", what, err)
		}
	}
}

func TestCommandLine(t *testing.T) {
	for _, args := range []string{"run --users 5", "run --rooms 0", "run --rate 0", "run --lease 1ms", "run --lease 10s", "run --duration 1ms", "run x", "node x", "fly"} {
		if code := Program().Run(t.Context(), strings.Fields(args), command.IO{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}); code != 2 {
			t.Errorf("%s: code %d", args, code)
		}
	}
	if code := Program().Run(t.Context(), []string{"node"}, command.IO{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}); code != 1 {
		t.Errorf("a node without settings: code %d", code)
	}
}
