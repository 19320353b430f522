//go:build unix

package restart

// Listeners that the process was started with, as systemd's socket activation has it:
// LISTEN_FDS of them, from descriptor 3 on.

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// firstFD is the descriptor of the first listener that a process is started with.
const firstFD = 3

// Inherited returns the listeners that this process was started with: by systemd's socket
// activation, or by Give. There are none if the environment says nothing of them, or if it
// speaks of another process (LISTEN_PID). The names are those of LISTEN_FDNAMES, or empty.
//
// Call it once: it takes the descriptors, so that no child of this process has them. What is
// no listening stream socket is a *SocketError, and then all of them are closed.
// CleanEnvironment keeps children from taking the variables for their own.
func Inherited() ([]Socket, error) { return inherited(os.Getenv, os.Getpid(), firstFD) }

// CleanEnvironment removes LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES.
func CleanEnvironment() {
	for _, name := range []string{"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"} {
		os.Unsetenv(name)
	}
}

// inherited is Inherited in an environment, with the descriptors from first on.
func inherited(env func(string) string, pid, first int) ([]Socket, error) {
	names, err := inheritedNames(env, pid)
	if err != nil {
		return nil, err
	}
	fds := make([]int, len(names))
	for i := range names {
		fds[i] = first + i
	}
	return sockets(names, fds)
}

// inheritedNames has a name for each listener that the environment speaks of.
func inheritedNames(env func(string) string, pid int) ([]string, error) {
	if env("LISTEN_FDS") == "" || env("LISTEN_PID") == "" {
		return nil, nil
	}
	whose, err := strconv.Atoi(env("LISTEN_PID"))
	if err != nil {
		return nil, &EnvironmentError{"LISTEN_PID", env("LISTEN_PID"), "it is no number"}
	}
	if whose != pid {
		return nil, nil
	}
	n, err := strconv.Atoi(env("LISTEN_FDS"))
	if err != nil || n < 0 || n > MaxListeners {
		return nil, &EnvironmentError{"LISTEN_FDS", env("LISTEN_FDS"), fmt.Sprintf("it is no number from 0 to %d", MaxListeners)}
	}
	names := make([]string, n)
	if given := env("LISTEN_FDNAMES"); given != "" {
		all := strings.Split(given, ":")
		if len(all) != n {
			return nil, &EnvironmentError{"LISTEN_FDNAMES", given, fmt.Sprintf("there are %d names for %d descriptors", len(all), n)}
		}
		copy(names, all)
	}
	return names, nil
}

// sockets makes listeners of descriptors, which are then closed. With an error all of them are.
func sockets(names []string, fds []int) (all []Socket, err error) {
	for _, fd := range fds {
		unix.CloseOnExec(fd)
	}
	for i, fd := range fds {
		ln, failed := listenerOf(fd, names[i])
		if failed != nil {
			err = errors.Join(err, &SocketError{fd, names[i], failed})
			continue
		}
		all = append(all, Socket{names[i], ln})
	}
	if err != nil {
		closeSockets(all)
		return nil, err
	}
	return all, nil
}

var errNotListening = errors.New("it does not listen")

// listenerOf makes a listener of a descriptor, which is then closed.
func listenerOf(fd int, name string) (net.Listener, error) {
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	if typ, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil {
		return nil, err
	} else if typ != unix.SOCK_STREAM {
		return nil, errors.New("it is no stream")
	}
	if listens, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err != nil {
		return nil, err
	} else if listens == 0 {
		return nil, errNotListening
	}
	return net.FileListener(f)
}

func closeSockets(all []Socket) {
	for _, s := range all {
		s.Close()
	}
}
