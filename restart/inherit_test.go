//go:build linux

package restart

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// environment is what a process would be started with.
type environment map[string]string

func (e environment) get(name string) string { return e[name] }

// placed puts a duplicate of a socket at a descriptor, as an exec leaves it.
func placed(t *testing.T, s syscall.Conn, fd int) {
	t.Helper()
	raw, err := s.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(own uintptr) { err = unix.Dup3(int(own), fd, 0) })
	if err != nil {
		t.Fatal(err)
	}
}

// freeFD is a descriptor from which on many are free.
const freeFD = 500

func TestInheritedListeners(t *testing.T) {
	leak.Check(t)
	tcp, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	local, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s")})
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	for _, names := range []string{"game:admin", ""} {
		placed(t, tcp, freeFD)
		placed(t, local, freeFD+1)
		env := environment{"LISTEN_FDS": "2", "LISTEN_PID": "77", "LISTEN_FDNAMES": names}
		all, err := inherited(env.get, 77, freeFD)
		if err != nil || len(all) != 2 {
			t.Fatalf("%v, %v", all, err)
		}
		if got := all[0].Name + ":" + all[1].Name; names != "" && got != names || names == "" && got != ":" {
			t.Errorf("the names are %q", got)
		}
		for i, want := range []net.Listener{tcp, local} {
			if got := all[i].Addr().String(); got != want.Addr().String() {
				t.Errorf("the address is %s, want %s", got, want.Addr())
			}
			if flags, err := unix.FcntlInt(uintptr(freeFD+i), unix.F_GETFD, 0); err == nil {
				t.Errorf("descriptor %d is open, with the flags %x: a child would have it", freeFD+i, flags)
			}
			raw, _ := all[i].Listener.(syscall.Conn).SyscallConn()
			raw.Control(func(fd uintptr) {
				if flags, err := unix.FcntlInt(fd, unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
					t.Errorf("a child would have the listener: %x, %v", flags, err)
				}
			})
			dialled, err := net.Dial(want.Addr().Network(), want.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			nc, err := all[i].Accept()
			if err != nil {
				t.Fatal(err)
			}
			nc.Close()
			dialled.Close()
		}
		closeSockets(all)
		if _, err := os.Lstat(local.Addr().String()); err != nil {
			t.Errorf("the file of an inherited socket was removed: %v", err)
		}
	}
}

func TestEnvironmentsWithoutListeners(t *testing.T) {
	for name, env := range map[string]environment{
		"empty":          {},
		"of another":     {"LISTEN_FDS": "1", "LISTEN_PID": "78"},
		"of nobody":      {"LISTEN_FDS": "1"},
		"no descriptors": {"LISTEN_PID": "77", "LISTEN_FDNAMES": "x"},
		"0 of them":      {"LISTEN_FDS": "0", "LISTEN_PID": "77"},
	} {
		if all, err := inherited(env.get, 77, freeFD); err != nil || len(all) != 0 {
			t.Errorf("%s: %v, %v", name, all, err)
		}
	}
	for name, env := range map[string]environment{
		"no number":     {"LISTEN_FDS": "x", "LISTEN_PID": "77"},
		"below 0":       {"LISTEN_FDS": "-1", "LISTEN_PID": "77"},
		"too many":      {"LISTEN_FDS": "65", "LISTEN_PID": "77"},
		"no process":    {"LISTEN_FDS": "1", "LISTEN_PID": "me"},
		"too few names": {"LISTEN_FDS": "2", "LISTEN_PID": "77", "LISTEN_FDNAMES": "x"},
	} {
		var wrong *EnvironmentError
		if all, err := inherited(env.get, 77, freeFD); !errors.As(err, &wrong) || all != nil {
			t.Errorf("%s: %v, %v", name, all, err)
		}
	}
}

// What is no listening stream socket is told, and nothing is left open.
func TestInheritedDescriptorsThatDoNotListen(t *testing.T) {
	leak.Check(t)
	listening, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer listening.Close()
	for name, open := range map[string]func() (syscall.Conn, error){
		"a datagram socket": func() (syscall.Conn, error) { return net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}) },
		"a conn": func() (syscall.Conn, error) {
			nc, err := net.Dial("tcp", listening.Addr().String())
			if err != nil {
				return nil, err
			}
			return nc.(*net.TCPConn), nil
		},
		"a file":  func() (syscall.Conn, error) { return os.Open(os.DevNull) },
		"nothing": func() (syscall.Conn, error) { return nil, nil },
	} {
		t.Run(name, func(t *testing.T) {
			s, err := open()
			if err != nil {
				t.Fatal(err)
			}
			placed(t, listening, freeFD)
			if s != nil {
				placed(t, s, freeFD+1)
				s.(io.Closer).Close()
			}
			env := environment{"LISTEN_FDS": "2", "LISTEN_PID": "77", "LISTEN_FDNAMES": "good:bad"}
			all, err := inherited(env.get, 77, freeFD)
			var wrong *SocketError
			if !errors.As(err, &wrong) || wrong.FD != freeFD+1 || wrong.Name != "bad" || all != nil {
				t.Errorf("%v, %v", all, err)
			}
		})
	}
}

func TestCleanEnvironment(t *testing.T) {
	for _, name := range []string{"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"} {
		t.Setenv(name, "1")
	}
	CleanEnvironment()
	for _, v := range os.Environ() {
		if strings.HasPrefix(v, "LISTEN_") {
			t.Errorf("%s is left", v)
		}
	}
}

// asChild is set for the test binary where it is started as a child that inherits.
const asChild = "PACKETMQ_RESTART_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(asChild) != "" {
		if err := child(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child serves at what it has inherited until its input ends.
func child() error {
	all, err := Inherited()
	if err != nil {
		return err
	}
	CleanEnvironment()
	cfg := &peer.Config{}
	cfg.Version = "child"
	server := peer.NewServer(registry.New(), cfg)
	for _, s := range all {
		if _, err := server.Serve(s.Listener); err != nil {
			return err
		}
		fmt.Println(s.Name)
	}
	fmt.Println("serving", os.Getenv("LISTEN_FDS"), len(os.Args))
	if err := server.RunAsync(); err != nil {
		return err
	}
	io.Copy(io.Discard, os.Stdin)
	return server.Close()
}

// A child that is given listeners finds them, and goes on where its parent has stopped. The
// parent can still close its own.
func TestGiveToAChild(t *testing.T) {
	leak.Check(t)
	callers := newCaller(t)
	parent := newGeneration(t, "parent", "unused", nil)
	var listeners []Listener
	for name, addr := range addresses {
		ln, err := parent.server.Listen(addr(t))
		if err != nil {
			t.Fatal(err)
		}
		listeners = append(listeners, Listener{name, ln})
	}
	cmd := exec.Command(os.Args[0], "an argument")
	cmd.Env = append(os.Environ(), asChild+"=1", "LISTEN_FDS=7")
	release, err := Give(cmd, listeners...)
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	release()
	defer cmd.Wait()
	defer in.Close()
	lines := bufio.NewScanner(out)
	var said []string
	for lines.Scan() {
		said = append(said, lines.Text())
		if strings.HasPrefix(lines.Text(), "serving") {
			break
		}
	}
	if want := fmt.Sprint([]string{listeners[0].Name, listeners[1].Name, "serving  2"}); fmt.Sprint(said) != want {
		t.Fatalf("the child says %q, want %s", said, want)
	}
	for _, l := range listeners {
		l.SetRemoveFile(false)
		closed := make(chan error, 1)
		go func() { closed <- l.Close() }()
		if err := await.Value(t, "Close in the parent", closed); err != nil {
			t.Error(err)
		}
		if got := callers.who(l.Addr().Network() + "://" + l.Addr().String()); got != "child" {
			t.Errorf("%s serves at %s", got, l.Name)
		}
	}
}

func TestGiveWhatCannotBeGiven(t *testing.T) {
	parent := newGeneration(t, "parent", "unused", nil)
	ln, err := parent.server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("true")
	cmd.ExtraFiles = []*os.File{os.Stdin}
	if _, err := Give(cmd, Listener{"a", ln}); err == nil {
		t.Error("Give with ExtraFiles")
	}
	var wrong *NameError
	if _, err := Give(exec.Command("true"), Listener{"a", ln}, Listener{"a", ln}); !errors.As(err, &wrong) {
		t.Errorf("two of one name: %v", err)
	}
	if _, err := Give(exec.Command("true"), make([]Listener, MaxListeners+1)...); err == nil {
		t.Error("too many are given")
	}
	ln.Close()
	var closed *SocketError
	if _, err := Give(exec.Command("true"), Listener{"a", ln}); !errors.As(err, &closed) {
		t.Errorf("a closed one: %v", err)
	}
}

// A process of another user gets nothing, even where it may connect.
func TestAnotherUserGetsNothing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs to be root, to start a process of another user")
	}
	const python = "/usr/bin/python3" // one that everybody may run
	if _, err := os.Stat(python); err != nil {
		t.Skip("needs python3, as the process of another user")
	}
	dir, err := os.MkdirTemp("/tmp", "restart")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	os.Chmod(dir, 0o755)
	path := filepath.Join(dir, "control")
	old := newGeneration(t, "old", path, nil)
	old.begin("127.0.0.1:0")
	os.Chmod(path, 0o666) // as if the mode were not there
	cmd := exec.Command(python, "-c", `
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(bytes.fromhex("0000001301b07061636b65746d712d7265737461727401"))
print(len(s.recv(100)))`, path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	timer := time.AfterFunc(await.Patience, func() { cmd.Process.Kill() })
	defer timer.Stop()
	out, err := cmd.CombinedOutput()
	if got := strings.TrimSpace(string(out)); got != "0" && !strings.Contains(got, "reset") && !strings.Contains(got, "Broken pipe") {
		t.Errorf("the other user's process got %q, %v", got, err)
	}
	old.mustHaveDone()
}
