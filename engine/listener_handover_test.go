//go:build unix

package engine

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetmq/packetmq/internal/await"
)

// listenersToHandOver are listeners at each kind of socket.
var listenersToHandOver = map[string]func(t *testing.T, r *Reactor) (*Listener, error){
	"tcp": func(t *testing.T, r *Reactor) (*Listener, error) {
		return r.Listen("tcp", "127.0.0.1:0", echoing)
	},
	"unix": func(t *testing.T, r *Reactor) (*Listener, error) {
		return r.Listen("unix", filepath.Join(t.TempDir(), "s"), echoing)
	},
	"served": func(t *testing.T, r *Reactor) (*Listener, error) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		return r.Serve(ln, echoing)
	},
}

func echoing(net.Conn) (*Conn, Handler) { return new(Conn), &hooks{received: echo} }

// A paused listener accepts nothing, who connects waits, and is served when it resumes.
func TestAPausedListenerLetsConnsWait(t *testing.T) {
	for name, listen := range listenersToHandOver {
		t.Run(name, func(t *testing.T) {
			r := start(t, nil)
			ln, err := listen(t, r)
			if err != nil {
				t.Fatal(err)
			}
			exchange(t, dial(t, ln), "before")
			for range 3 {
				if err := ln.PauseAccept(); err != nil {
					t.Fatal(err)
				}
				before := r.Conns()
				waits := dial(t, ln)
				waits.Write([]byte("meanwhile"))
				if n := r.Conns(); n != before {
					t.Errorf("%d conns, want %d", n, before)
				}
				if err := ln.ResumeAccept(); err != nil {
					t.Fatal(err)
				}
				expect(t, waits, "meanwhile")
			}
			if err := ln.PauseAccept(); err != nil {
				t.Fatal(err)
			}
			if err := ln.Close(); err != nil {
				t.Errorf("Close of a paused listener: %v", err)
			}
		})
	}
}

// expect reads what is to come.
func expect(t *testing.T, nc net.Conn, want string) {
	t.Helper()
	nc.SetDeadline(time.Now().Add(patience))
	got := make([]byte, len(want))
	for n := 0; n < len(got); {
		more, err := nc.Read(got[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += more
	}
	if string(got) != want {
		t.Errorf("read %q, want %q", got, want)
	}
}

// With a duplicate of its socket open, a closed listener refuses nobody.
func TestAListenersFileGoesOn(t *testing.T) {
	for name, listen := range listenersToHandOver {
		t.Run(name, func(t *testing.T) {
			old := start(t, nil)
			ln, err := listen(t, old)
			if err != nil {
				t.Fatal(err)
			}
			ln.SetRemoveFile(false)
			f, err := ln.File()
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			exchange(t, dial(t, ln), "old")
			ln.Close()
			waits := dial(t, ln)
			waits.Write([]byte("new"))
			own, err := net.FileListener(f)
			if err != nil {
				t.Fatal(err)
			}
			r := start(t, nil)
			successor, err := r.Serve(own, echoing)
			if err != nil {
				t.Fatal(err)
			}
			expect(t, waits, "new")
			path := ""
			if name == "unix" {
				path = ln.Addr().String()
				successor.SetRemoveFile(true)
			}
			successor.Close()
			if _, err := os.Lstat(path); err == nil {
				t.Error("the successor has left its file")
			}
		})
	}
}

// The file stays that another process listens at, and so does the one that was given by
// another process, unless the listener is told to remove it.
func TestWhoRemovesTheFileOfAUnixSocket(t *testing.T) {
	for name, test := range map[string]struct {
		set    []bool
		served bool
		stays  bool
	}{
		"own":                  {nil, false, false},
		"own, handed over":     {[]bool{false}, false, true},
		"own, taken back":      {[]bool{false, true}, false, false},
		"served":               {nil, true, true},
		"served, and made own": {[]bool{true}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, nil)
			path := filepath.Join(t.TempDir(), "s")
			var ln *Listener
			var err error
			if test.served {
				first, err2 := net.ListenUnix("unix", &net.UnixAddr{Name: path})
				if err2 != nil {
					t.Fatal(err2)
				}
				first.SetUnlinkOnClose(false)
				f, _ := first.File()
				first.Close()
				own, err2 := net.FileListener(f)
				f.Close()
				if err2 != nil {
					t.Fatal(err2)
				}
				ln, err = r.Serve(own, echoing)
			} else {
				ln, err = listenAt(r, path)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, remove := range test.set {
				ln.SetRemoveFile(remove)
			}
			ln.Close()
			if _, err := os.Lstat(path); (err == nil) != test.stays {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// What is no socket of its own cannot be handed over, and says so.
func TestWhatIsNoSocketIsNotHandedOver(t *testing.T) {
	r := start(t, nil)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln, err := r.Serve(plainListener{tcp}, echoing)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ln.File(); !errors.Is(err, ErrNoSocket) {
		t.Errorf("File: %v", err)
	}
	for _, err := range []error{ln.PauseAccept(), ln.ResumeAccept()} {
		if !errors.Is(err, ErrNoSocket) {
			t.Errorf("pause: %v", err)
		}
	}
	ln.SetRemoveFile(true)
}

// A pause does not wait for a loop on a loop, and not for a listener that has closed.
func TestPausesThatCannotBe(t *testing.T) {
	r := start(t, nil)
	ln := listen(t, r, &hooks{received: echo})
	got := make(chan error, 1)
	r.Post(func() { got <- ln.PauseAccept() })
	if err := await.Value(t, "PauseAccept", got); err != ErrOnLoop {
		t.Errorf("on a loop: %v", err)
	}
	ln.Close()
	if err := ln.PauseAccept(); err == nil {
		t.Error("a closed listener has paused")
	}
	if _, err := ln.File(); err == nil {
		t.Error("a closed listener has a file")
	}
}

// A listener pauses while the reactor is stopped, and before it was run.
func TestAListenerPausesWhileTheReactorIsStopped(t *testing.T) {
	r := New(nil)
	t.Cleanup(func() { r.Close() })
	ln, err := r.Listen("tcp", "127.0.0.1:0", echoing)
	if err != nil {
		t.Fatal(err)
	}
	if err := ln.PauseAccept(); err != nil {
		t.Fatal(err)
	}
	if err := r.RunAsync(); err != nil {
		t.Fatal(err)
	}
	waits := dial(t, ln)
	waits.Write([]byte("hello"))
	r.Stop()
	if err := ln.ResumeAccept(); err != nil {
		t.Fatal(err)
	}
	if err := r.RunAsync(); err != nil {
		t.Fatal(err)
	}
	expect(t, waits, "hello")
}

// The duplicate does not make the listener's own socket a blocking one, which would have a
// Close wait for the next conn.
func TestTheFileOfAListenerBlocksNothing(t *testing.T) {
	r := start(t, nil)
	ln := listen(t, r, &hooks{received: echo})
	f, err := ln.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_NONBLOCK == 0 {
		t.Errorf("flags are %x, %v", flags, err)
	}
	exchange(t, dial(t, ln), "hello")
}
