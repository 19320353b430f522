package engine

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// abandoned is a socket file as a server leaves it that was killed.
func abandoned(t *testing.T, path string) {
	t.Helper()
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	ln.Close()
}

func listenAt(r *Reactor, path string) (*Listener, error) {
	return r.Listen("unix", path, func(net.Conn) (*Conn, Handler) { return new(Conn), &hooks{received: echo} })
}

// What lies at the path decides whether it is taken over.
func TestListenAtASocketFileThatIsThere(t *testing.T) {
	for name, test := range map[string]struct {
		before func(t *testing.T, path string)
		says   string // of the error; empty: there is none
	}{
		"nothing":          {func(*testing.T, string) {}, ""},
		"of a killed one":  {abandoned, ""},
		"of a running one": {func(t *testing.T, path string) { busy(t, path) }, "another server listens"},
		"a file": {func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "is no socket"},
		"a directory":     {func(t *testing.T, path string) { os.Mkdir(path, 0o700) }, "is no socket"},
		"a dangling link": {func(t *testing.T, path string) { os.Symlink(path+"-nowhere", path) }, "is no socket"},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, nil)
			path := filepath.Join(t.TempDir(), "s")
			test.before(t, path)
			ln, err := listenAt(r, path)
			if test.says != "" {
				if err == nil || !strings.Contains(err.Error(), test.says) || !errors.Is(err, syscall.EADDRINUSE) {
					t.Errorf("Listen: %v", err)
				}
				if _, err := os.Lstat(path); err != nil {
					t.Errorf("what was there is gone: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			exchange(t, dial(t, ln), "hello")
			ln.Close()
			if _, err := os.Lstat(path); err == nil {
				t.Error("the file is left")
			}
		})
	}
}

// busy listens at path, with a backlog that is full.
func busy(t *testing.T, path string) {
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
}

// A listener removes its own file alone: not that of a successor, nor one that
// the program has put there.
func TestCloseRemovesOnlyItsOwnSocketFile(t *testing.T) {
	for name, replace := range map[string]func(t *testing.T, path string){
		"by a server": func(t *testing.T, path string) { busy(t, path) },
		"by a file":   func(t *testing.T, path string) { os.WriteFile(path, nil, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, nil)
			path := filepath.Join(t.TempDir(), "s")
			ln, err := listenAt(r, path)
			if err != nil {
				t.Fatal(err)
			}
			os.Remove(path)
			replace(t, path)
			ln.Close()
			if _, err := os.Lstat(path); err != nil {
				t.Errorf("the successor's file: %v", err)
			}
		})
	}
}

// Of several that start at once one takes an abandoned path over, and can be
// dialled there.
func TestOneTakesASocketFileOver(t *testing.T) {
	r := start(t, nil)
	path := filepath.Join(t.TempDir(), "s")
	for range 20 {
		abandoned(t, path)
		var wg sync.WaitGroup
		var won atomic.Pointer[Listener]
		var n atomic.Int32
		for range 8 {
			wg.Go(func() {
				if ln, err := listenAt(r, path); err == nil {
					won.Store(ln)
					n.Add(1)
				}
			})
		}
		wg.Wait()
		if n.Load() != 1 {
			t.Fatalf("%d listen at one path", n.Load())
		}
		ln := won.Load()
		exchange(t, dial(t, ln), "hello")
		ln.Close()
	}
}

// Abstract names have no file.
func TestListenAtAnAbstractName(t *testing.T) {
	r := start(t, nil)
	ln, err := listenAt(r, "@packetmq-test-"+filepath.Base(t.TempDir()))
	if err != nil {
		t.Skip("this system has none: ", err)
	}
	exchange(t, dial(t, ln), "hello")
	if _, err := listenAt(r, ln.Addr().String()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a second one: %v", err)
	}
}
