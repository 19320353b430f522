//go:build unix

package restart

// Listeners given to a child of this process, as systemd gives them.

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// Give has cmd, when it is started, inherit listeners of this process, and sets LISTEN_FDS,
// LISTEN_PID and LISTEN_FDNAMES for it, so that any program that knows socket activation
// finds them. Both processes can then accept at them. It may have no ExtraFiles of its own.
// A shell starts the program in its own place, because only the process itself can know its
// number.
//
// The returned function closes what Give has opened; call it when cmd was started.
func Give(cmd *exec.Cmd, listeners ...Listener) (release func(), err error) {
	if len(cmd.ExtraFiles) > 0 {
		return nil, fmt.Errorf("restart: the command has ExtraFiles, where the listeners would have to be")
	}
	files, err := duplicates(listeners)
	if err != nil {
		return nil, err
	}
	cmd.ExtraFiles = files
	cmd.Env = append(withoutListeners(cmd.Environ()), "LISTEN_FDS="+strconv.Itoa(len(files)), "LISTEN_FDNAMES="+strings.Join(namesOf(listeners), ":"))
	args := []string{"sh", "-c", `export LISTEN_PID=$$; exec "$0" "$@"`, cmd.Path}
	if len(cmd.Args) > 0 {
		args = append(args, cmd.Args[1:]...)
	}
	cmd.Path, cmd.Args = "/bin/sh", args
	return func() { closeFiles(files) }, nil
}

// duplicates are the sockets of listeners, each duplicated.
func duplicates(listeners []Listener) (files []*os.File, err error) {
	if len(listeners) > MaxListeners {
		return nil, fmt.Errorf("restart: %d listeners, at most %d are handed over", len(listeners), MaxListeners)
	}
	if err := checkNames(namesOf(listeners)); err != nil {
		return nil, err
	}
	for _, l := range listeners {
		f, err := l.File()
		if err != nil {
			closeFiles(files)
			return nil, &SocketError{-1, l.Name, err}
		}
		files = append(files, f)
	}
	return files, nil
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// withoutListeners is an environment without what it says of listeners.
func withoutListeners(env []string) (rest []string) {
	for _, v := range env {
		name, _, _ := strings.Cut(v, "=")
		if name != "LISTEN_FDS" && name != "LISTEN_PID" && name != "LISTEN_FDNAMES" {
			rest = append(rest, v)
		}
	}
	return rest
}
