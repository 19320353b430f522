package engine

// The file of a Unix socket: who may take it over, and who removes it.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// socketFile is the file of a Unix socket that is listened at. A path alone does
// not say whose it is: a server that was killed leaves its file behind, and the
// successor of one that is about to close may have taken the path over.
type socketFile struct {
	path string
	info fs.FileInfo
}

// staleTime is how long a server has to take in the dial that asks whether it is
// there. The kernel does that for it, at once.
const staleTime = time.Second

// listenUnix listens at path. A file that nobody listens at any more is
// replaced. The file is nil for the abstract names of Linux, which have none.
func listenUnix(lc *net.ListenConfig, path string) (net.Listener, *socketFile, error) {
	listen := func() (net.Listener, error) { return lc.Listen(context.Background(), "unix", path) }
	if path == "" || path[0] == '@' || path[0] == 0 {
		ln, err := listen()
		return ln, nil, err
	}
	defer lockDir(filepath.Dir(path))()
	ln, err := listen()
	if errors.Is(err, syscall.EADDRINUSE) {
		if taken := takeOver(path); taken != nil {
			return nil, nil, fmt.Errorf("engine: %w: %w", taken, err)
		}
		ln, err = listen()
	}
	if err != nil {
		return nil, nil, err
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	return ln, socketFileAt(path), nil
}

// socketFileAt is the file at path, or nil if there is none: an abstract name of Linux has
// none, and what somebody was quick to remove is not ours to remove.
func socketFileAt(path string) *socketFile {
	if path == "" || path[0] == '@' {
		return nil
	}
	info, err := os.Lstat(path)
	if err != nil {
		return nil
	}
	return &socketFile{path, info}
}

// takeOver removes the socket file at path if nobody listens at it, or says why
// not.
func takeOver(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return fmt.Errorf("%s is there and is no socket", path)
	}
	nc, err := net.DialTimeout("unix", path, staleTime)
	switch {
	case err == nil:
		nc.Close()
		return fmt.Errorf("another server listens at %s", path)
	case !errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("cannot tell whether another server listens at %s: %w", path, err)
	}
	return os.Remove(path)
}

// remove removes the file if it is still this one. It is called while the socket
// is open: until that is closed, no other file can have the same inode.
func (f *socketFile) remove() {
	if f == nil {
		return
	}
	defer lockDir(filepath.Dir(f.path))()
	if info, err := os.Lstat(f.path); err == nil && os.SameFile(info, f.info) {
		os.Remove(f.path)
	}
}
