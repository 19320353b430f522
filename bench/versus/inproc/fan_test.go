package inproc

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/peer"
)

const fanConns = 1000

// One packet to 1,000 conns over sockets, each with one write. What counts is
// cpu-ns/write, the CPU time of this process for one conn; the other ends are
// in a process of their own. The C program does the same writes and nothing
// else.
func BenchmarkFan(b *testing.B) {
	b.Run("packetmq=Broadcast", func(b *testing.B) {
		fan(b, func(f *fanOut) error { return f.server.Broadcast(f.side.reply, f.note) })
	})
	b.Run("packetmq=SendEncoded", func(b *testing.B) {
		raw := codec.AppendFrame(nil, echoID+1, make([]byte, size))[codec.LengthSize:]
		fan(b, func(f *fanOut) error {
			return f.each(func(c *peer.Conn) error { return c.SendEncoded(raw) })
		})
	})
	b.Run("packetmq=Send", func(b *testing.B) { // encodes for each
		fan(b, func(f *fanOut) error {
			return f.each(func(c *peer.Conn) error { return peer.Send(c, f.side.reply, f.note) })
		})
	})
	b.Run("c", fanInC)
}

// fanOut is a server with 1,000 conns.
type fanOut struct {
	server *peer.Server
	side   *side
	note   *note
}

func (f *fanOut) each(send func(*peer.Conn) error) error {
	for c := range f.server.Conns() {
		if err := send(c); err != nil {
			return err
		}
	}
	return nil
}

// fan has the loop send a packet to all conns, b.N times. Each has left before
// the next is sent.
func fan(b *testing.B, send func(*fanOut) error) {
	made := make(chan *peer.Conn, fanConns)
	srv, s, to := listen(b, made)
	take(b, to.addr)
	for range fanConns {
		<-made
	}
	f := &fanOut{srv, s, newNote()}
	var (
		fault error
		left  int
		done  chan struct{}
		again func()
		loop  = srv.Reactor().Loops()[0]
	)
	again = func() {
		if left--; left < 0 || fault != nil {
			close(done)
			return
		}
		fault = send(f)
		loop.Post(again)
	}
	run := func(n int) {
		left, done = n, make(chan struct{})
		loop.Post(again)
		<-done
	}
	run(5)
	cpu := measure(b, func() { run(b.N) })
	b.ReportMetric(cpu/fanConns, "cpu-ns/write")
	must(b, fault)
	if n := srv.NumConns(); n != fanConns {
		b.Fatalf("%d conns are left of %d", n, fanConns)
	}
}

// fanInC runs the C program, where it was built.
func fanInC(b *testing.B) {
	path, err := filepath.Abs("../../../bin/fan")
	must(b, err)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		b.Skip("bin/fan is not built")
	}
	out, err := exec.Command(path, "--conns", strconv.Itoa(fanConns), "--size", strconv.Itoa(size)).Output()
	must(b, err)
	var res struct {
		PerWrite float64 `json:"ns_per_write"`
	}
	must(b, json.Unmarshal(out, &res))
	if res.PerWrite <= 0 {
		b.Fatalf("bin/fan says %s", out)
	}
	b.ReportMetric(0, "ns/op") // that is of this process, which waits
	b.ReportMetric(res.PerWrite, "cpu-ns/write")
}

// taker is set to the address to connect to in the process that take starts.
const taker = "INPROC_TAKE_FROM"

func TestMain(m *testing.M) {
	if addr := os.Getenv(taker); addr != "" {
		if err := takeAll(addr); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// take has another process connect 1,000 times to a server and read all.
func take(b *testing.B, addr string) {
	exe, err := os.Executable()
	must(b, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), taker+"="+addr)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(b, err)
	out, err := cmd.StdoutPipe()
	must(b, err)
	must(b, cmd.Start())
	b.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
	})
	_, err = bufio.NewReader(out).ReadString('\n')
	must(b, err)
}

// takeAll reads what comes on all conns, in one thread as the C program's other
// end does. It ends when standard input does.
func takeAll(addr string) error {
	poll, err := unix.EpollCreate1(0)
	if err != nil {
		return err
	}
	for range fanConns {
		nc, err := dial(addr)
		if err != nil {
			return err
		}
		file, err := nc.(*net.TCPConn).File()
		if err != nil {
			return err
		}
		nc.Close()
		defer file.Close()
		if err := watch(poll, int(file.Fd())); err != nil {
			return err
		}
	}
	if err := watch(poll, unix.Stdin); err != nil {
		return err
	}
	fmt.Println("ready")
	ready, b := make([]unix.EpollEvent, 256), make([]byte, 256<<10)
	for {
		n, err := unix.EpollWait(poll, ready, -1)
		if err != nil && err != unix.EINTR {
			return err
		}
		for i := range max(n, 0) {
			if int(ready[i].Fd) == unix.Stdin {
				return nil
			}
			if n, _ := unix.Read(int(ready[i].Fd), b); n <= 0 {
				unix.EpollCtl(poll, unix.EPOLL_CTL_DEL, int(ready[i].Fd), nil)
			}
		}
	}
}

func watch(poll, fd int) error {
	return unix.EpollCtl(poll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}
