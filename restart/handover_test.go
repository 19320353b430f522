//go:build unix

package restart

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
)

// One process after the other takes over, and each goes on where the one before has stopped.
func TestProcessesReplaceEachOther(t *testing.T) {
	for name, addr := range addresses {
		t.Run(name, func(t *testing.T) {
			path := control(t)
			callers := newCaller(t)
			old := newGeneration(t, "g0", path, nil)
			old.begin(addr(t))
			url := old.url()
			for n := 1; n <= 5; n++ {
				next := newGeneration(t, fmt.Sprint("g", n), path, nil)
				next.takeOver()
				await.Value(t, "end of the old one", old.restart.Replaced())
				next.mustHaveDone("import of " + old.name)
				if got := callers.who(url); got != next.name {
					t.Errorf("%s serves after %s has taken over", got, next.name)
				}
				if err := old.server.Drain(t.Context(), peer.Drain{}); err != nil {
					t.Error(err)
				}
				old.restart.Close()
				if got := callers.who(url); got != next.name {
					t.Errorf("%s serves after the end of %s", got, old.name)
				}
				old = next
			}
			old.restart.Close()
			old.server.Close()
			if _, err := os.Lstat(path); err == nil {
				t.Error("the last one has left the control socket")
			}
			if file, ok := strings.CutPrefix(url, "unix://"); ok {
				if _, err := os.Lstat(file); err == nil {
					t.Error("the last one has left the listener's file")
				}
			}
		})
	}
}

// While a hand-over goes on, nobody is refused, and nobody accepts: who connects is served by
// the one that is left.
func TestConnsWaitDuringAHandOver(t *testing.T) {
	path := control(t)
	callers := newCaller(t)
	old, next := newGeneration(t, "old", path, nil), newGeneration(t, "new", path, nil)
	old.begin("127.0.0.1:0")
	all, err := next.restart.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const waiting = 20
	who := make(chan string, waiting)
	for range waiting {
		go func() { who <- callers.who(old.url()) }()
	}
	waits, err := net.Dial("tcp", old.ln.Addr().String())
	if err != nil {
		t.Fatalf("refused during a hand-over: %v", err)
	}
	waits.Close()
	if err := next.restart.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	next.serve(all)
	for range waiting {
		if got := await.Value(t, "answer", who); got != "new" {
			t.Errorf("%s served", got)
		}
	}
}

// newcomer speaks as a new process, by hand.
type newcomer struct {
	t *testing.T
	*link
}

func dialAsNew(t *testing.T, path string) newcomer {
	t.Helper()
	nc, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLink(nc, time.Now().Add(await.Patience))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	return newcomer{t, l}
}

func (n newcomer) say(k kind, payload []byte) {
	n.t.Helper()
	if err := n.send(k, payload); err != nil {
		n.t.Error(err)
	}
}

func (n newcomer) hear(want kind) {
	n.t.Helper()
	if _, err := n.receive(want); err != nil {
		n.t.Errorf("no %v: %v", want, err)
	}
}

// steps are what a new process does, one after the other.
var steps = []func(n newcomer){
	func(n newcomer) { n.say(kindHello, appendHello(nil)) },
	func(n newcomer) { n.hear(kindSockets) },
	func(n newcomer) { n.say(kindTaken, nil) },
	func(n newcomer) { n.hear(kindState) },
	func(n newcomer) { n.hear(kindBytes) },
	func(n newcomer) { n.hear(kindEnd) },
	func(n newcomer) { n.say(kindReady, nil) },
	func(n newcomer) { n.hear(kindCommit) },
}

// A new process that dies half-way, wherever that is, changes nothing: the old one goes on, and
// the next one takes over.
func TestANewProcessThatDiesHalfWay(t *testing.T) {
	for done := range len(steps) + 1 {
		t.Run(fmt.Sprintf("after %d steps", done), func(t *testing.T) {
			path := control(t)
			callers := newCaller(t)
			old := newGeneration(t, "old", path, nil)
			old.begin("127.0.0.1:0")
			n := dialAsNew(t, path)
			for _, step := range steps[:done] {
				step(n)
			}
			n.close()
			if done >= 4 {
				old.mustHaveDone("export", "resume")
			}
			if got := callers.who(old.url()); got != "old" {
				t.Errorf("%s serves", got)
			}
			if isReplaced(old.restart) {
				t.Error("the old one thinks that it was replaced")
			}
			next := newGeneration(t, "new", path, nil)
			next.takeOver()
			if got := callers.who(old.url()); got != "new" {
				t.Errorf("%s serves", got)
			}
		})
	}
}

// When the new process has said that it serves, it may die, and the old one does not serve again.
func TestANewProcessThatDiesAfterwards(t *testing.T) {
	path := control(t)
	old := newGeneration(t, "old", path, nil)
	old.begin("127.0.0.1:0")
	n := dialAsNew(t, path)
	for _, step := range steps {
		step(n)
	}
	n.say(kindServing, nil)
	n.close()
	await.Value(t, "end of the old one", old.restart.Replaced())
	old.mustHaveDone("export")
}

// A new process that was told to serve, and hangs before it says that it does, changes nothing: the
// old one takes its word away, and goes on. When the new one wakes up, it cannot serve.
func TestANewProcessThatHangsBeforeItServes(t *testing.T) {
	if !readEndIsFinal {
		t.Skip("on this system the service is left to the new process")
	}
	path := control(t)
	callers := newCaller(t)
	old := newGeneration(t, "old", path, func(cfg *Config) { cfg.Time = time.Second })
	old.begin("127.0.0.1:0")
	n := dialAsNew(t, path)
	for _, step := range steps {
		step(n)
	}
	old.mustHaveDone("export", "resume")
	if err := n.send(kindServing, nil); !errors.Is(err, unix.EPIPE) {
		t.Errorf("the new process says that it serves: %v", err)
	}
	if got := callers.who(old.url()); got != "old" || isReplaced(old.restart) {
		t.Errorf("%s serves", got)
	}
	next := newGeneration(t, "new", path, nil)
	next.takeOver()
	if got := callers.who(old.url()); got != "new" {
		t.Errorf("%s serves", got)
	}
}

// A last word that has come before the old process listens no more counts, and one after that cannot
// be said.
func TestLastWord(t *testing.T) {
	if !readEndIsFinal {
		t.Skip("on this system the service is left to the new process")
	}
	late := errors.New("late")
	for name, said := range map[string]bool{"said": true, "not said": false} {
		old, next := linkPair(t)
		if said {
			if err := next.send(kindServing, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := old.lastWord(late); (err == nil) != said || err != nil && err != late {
			t.Errorf("%s: %v", name, err)
		}
		if err := next.send(kindServing, nil); !errors.Is(err, unix.EPIPE) {
			t.Errorf("%s: afterwards the word is said: %v", name, err)
		}
	}
}

// linkPair is the two ends of a link.
func linkPair(t *testing.T) (old, next *link) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]*link
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "link")
		nc, err := net.FileConn(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
		ends[i] = &link{nc: nc.(*net.UnixConn)}
	}
	return ends[0], ends[1]
}

// What a new process should not say ends the hand-over and nothing else.
func TestANewProcessThatSaysSomethingElse(t *testing.T) {
	for name, test := range map[string]struct {
		begin int // steps
		bytes []byte
		says  string
	}{
		"nothing of the kind": {0, []byte("GET / HTTP/1.1\r\n\r\n"), "bytes"},
		"no length":           {0, []byte{0, 0, 0, 0, 1}, "a message of 0 bytes"},
		"too long":            {0, []byte{0xff, 0, 0, 0, 1}, "bytes"},
		"no hello":            {0, appendMessage(nil, kindTaken, nil), "taken where hello"},
		"another magic":       {0, appendMessage(nil, kindHello, codec.AppendUint(codec.AppendString(nil, "other"), 1)), "another program"},
		"another version":     {0, appendMessage(nil, kindHello, codec.AppendUint(codec.AppendString(nil, magic), 2)), "version 2"},
		"not taken":           {2, appendMessage(nil, kindReady, nil), "ready where taken"},
		"not ready":           {6, appendMessage(nil, kindServing, nil), "serving where ready"},
		"gives up":            {6, appendMessage(nil, kindFailed, []byte("no room")), "no room"},
	} {
		t.Run(name, func(t *testing.T) {
			path := control(t)
			callers := newCaller(t)
			old := newGeneration(t, "old", path, nil)
			old.begin("127.0.0.1:0")
			n := dialAsNew(t, path)
			for _, step := range steps[:test.begin] {
				step(n)
			}
			n.nc.Write(test.bytes)
			var failed *FailedError
			_, _, err := n.receiveAny()
			if !errors.As(err, &failed) || !strings.Contains(failed.Why, test.says) {
				t.Errorf("the old one says %v, want something of %q", err, test.says)
			}
			if got := callers.who(old.url()); got != "old" {
				t.Errorf("%s serves", got)
			}
		})
	}
}

// A state that cannot be exported or imported leaves the old process as it was.
func TestStatesThatCannotBeHandedOver(t *testing.T) {
	bad := errors.New("bad")
	for name, test := range map[string]struct {
		old, new func(s *State, cfg *Config)
		want     string
	}{
		"export fails":   {old: func(s *State, _ *Config) { s.Export = func() ([]byte, error) { return nil, bad } }, want: "bad"},
		"export panics":  {old: func(s *State, _ *Config) { s.Export = func() ([]byte, error) { panic(bad) } }, want: "panicked"},
		"no export":      {old: func(s *State, _ *Config) { s.Export = nil }, want: "no Export"},
		"import fails":   {new: func(s *State, _ *Config) { s.Import = func([]byte) error { return bad } }, want: "bad"},
		"import panics":  {new: func(s *State, _ *Config) { s.Import = func([]byte) error { panic(bad) } }, want: "panicked"},
		"unknown":        {new: func(s *State, _ *Config) { s.Name = "other" }, want: "no such state"},
		"no import":      {new: func(s *State, _ *Config) { s.Import = nil }, want: "no such state"},
		"large, at home": {old: func(_ *State, cfg *Config) { cfg.MaxState = 2 }, want: "MaxState"},
		"large, there":   {new: func(_ *State, cfg *Config) { cfg.MaxState = 2 }, want: "MaxState"},
	} {
		t.Run(name, func(t *testing.T) {
			path := control(t)
			callers := newCaller(t)
			changed := func(change func(s *State, cfg *Config)) func(cfg *Config) {
				return func(cfg *Config) {
					if change != nil {
						change(&cfg.States[0], cfg)
					}
				}
			}
			old, next := newGeneration(t, "old", path, changed(test.old)), newGeneration(t, "new", path, changed(test.new))
			old.begin("127.0.0.1:0")
			all, err := next.restart.Take(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.want) || all != nil {
				t.Errorf("Take returned %v, %v, want something of %q", all, err, test.want)
			}
			if got := callers.who(old.url()); got != "old" {
				t.Errorf("%s serves", got)
			}
			if test.new != nil {
				old.mustHaveDone("export", "resume")
			}
			if err := next.restart.Commit(t.Context()); err != nil {
				t.Errorf("Commit of one that has taken nothing: %v", err)
			}
		})
	}
}

// A state may be empty, or larger than a message.
func TestStatesOfAllSizes(t *testing.T) {
	for _, size := range []int{0, 1, chunk - 1, chunk, chunk + 1, 5*chunk + 7} {
		path := control(t)
		got := make(chan int, 1)
		old := newGeneration(t, "old", path, func(cfg *Config) {
			cfg.States[0].Export = func() ([]byte, error) { return make([]byte, size), nil }
		})
		next := newGeneration(t, "new", path, func(cfg *Config) {
			cfg.States[0].Import = func(b []byte) error { got <- len(b); return nil }
		})
		old.begin("127.0.0.1:0")
		next.takeOver()
		if n := await.Value(t, "state", got); n != size {
			t.Errorf("%d bytes of %d", n, size)
		}
		next.restart.Close()
	}
}

// Close gives up a Take that was not committed, and the old process goes on.
func TestCloseGivesATakeUp(t *testing.T) {
	path := control(t)
	callers := newCaller(t)
	old, next := newGeneration(t, "old", path, nil), newGeneration(t, "new", path, nil)
	old.begin("127.0.0.1:0")
	all, err := next.restart.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	next.restart.Close()
	closeSockets(all)
	if got := callers.who(old.url()); got != "old" {
		t.Errorf("%s serves", got)
	}
	old.mustHaveDone("export", "resume")
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the control socket is gone: %v", err)
	}
}

// A new process that waits for too long has lost its turn, and is told so.
func TestAHandOverHasItsTime(t *testing.T) {
	path := control(t)
	callers := newCaller(t)
	old := newGeneration(t, "old", path, func(cfg *Config) { cfg.Time = 50 * time.Millisecond })
	next := newGeneration(t, "new", path, nil)
	old.begin("127.0.0.1:0")
	all, err := next.restart.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	old.mustHaveDone("export", "resume")
	if err := next.restart.Commit(t.Context()); !errors.Is(err, ErrNotCommitted) {
		t.Errorf("Commit: %v", err)
	}
	closeSockets(all)
	if got := callers.who(old.url()); got != "old" {
		t.Errorf("%s serves", got)
	}
}

// An old process that says nothing is not waited for longer than the context.
func TestTakeEndsWithItsContext(t *testing.T) {
	path := control(t)
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	next := newGeneration(t, "new", path, nil)
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan error, 1)
	go func() { _, err := next.restart.Take(ctx); got <- err }()
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	cancel()
	if err := await.Value(t, "Take", got); !errors.Is(err, context.Canceled) {
		t.Errorf("Take: %v", err)
	}
}

func TestMethodsOutOfOrder(t *testing.T) {
	path := control(t)
	old := newGeneration(t, "old", path, nil)
	old.begin("127.0.0.1:0")
	if _, err := old.restart.Take(t.Context()); err != ErrOrder {
		t.Errorf("Take after Offer: %v", err)
	}
	if err := old.restart.Commit(t.Context()); err != ErrOrder {
		t.Errorf("Commit after Offer: %v", err)
	}
	if err := old.restart.Offer(); err != ErrOrder {
		t.Errorf("Offer after Offer: %v", err)
	}
	other := newGeneration(t, "other", path, nil)
	if err := other.restart.Offer(); err != ErrOffered {
		t.Errorf("Offer beside another: %v", err)
	}
	next := newGeneration(t, "new", path, nil)
	all, err := next.restart.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	closeSockets(all)
	if err := next.restart.Offer(); err != ErrOrder {
		t.Errorf("Offer before Commit: %v", err)
	}
	next.restart.Close()
	if _, err := next.restart.Take(t.Context()); err != ErrClosed {
		t.Errorf("Take after Close: %v", err)
	}
	if err := next.restart.Offer(); err != ErrClosed {
		t.Errorf("Offer after Close: %v", err)
	}
}

// What a killed process has left at the path is replaced; another file is not.
func TestWhatLiesAtThePath(t *testing.T) {
	path := control(t)
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	ln.Close()
	g := newGeneration(t, "g", path, nil)
	g.begin("127.0.0.1:0")
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the control socket is %v, %v", info, err)
	}
	g.restart.Close()
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	other := newGeneration(t, "other", path, nil)
	if err := other.restart.Offer(); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("Offer: %v", err)
	}
}

func TestNamesThatCannotBe(t *testing.T) {
	for _, name := range []string{"", "a:b", "a\n", "é", strings.Repeat("x", MaxName+1)} {
		var wrong *NameError
		if _, err := New(&Config{States: []State{{Name: name}}}); !errors.As(err, &wrong) {
			t.Errorf("%q: %v", name, err)
		}
	}
	var wrong *NameError
	if _, err := New(&Config{States: []State{{Name: "a"}, {Name: "a"}}}); !errors.As(err, &wrong) {
		t.Errorf("twice: %v", err)
	}
	if _, err := New(&Config{States: make([]State, MaxStates+1)}); err == nil {
		t.Error("too many states are taken")
	}
}
