package inproc

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

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
		fan(b, func(f *fanOut) error { return f.server.Untyped().Broadcast(f.side.reply, f.note) })
	})
	b.Run("packetmq=SendEncoded", func(b *testing.B) {
		raw := codec.AppendFrame(nil, echoID+1, make([]byte, size))[codec.LengthSize:]
		fan(b, func(f *fanOut) error {
			return f.each(func(c *peer.Conn) error { return c.Untyped().SendEncoded(raw) })
		})
	})
	b.Run("packetmq=Send", func(b *testing.B) { // encodes for each
		fan(b, func(f *fanOut) error {
			return f.each(func(c *peer.Conn) error { return peer.Send(c, f.side.reply, f.note) })
		})
	})
	b.Run("go=write", fanOfWrites)
	b.Run("c", fanInC)
}

// A Broadcast to 1,000 conns by the size of the payload, beside a copy for each conn. The
// other ends have time to read all of one before the next, in which this process takes no
// CPU time.
func BenchmarkFanOfSizes(b *testing.B) {
	for _, size := range []int{64, 1 << 10, 2 << 10, 4 << 10, 8 << 10, 16 << 10, 64 << 10} {
		v := &note{1 << 40, 1 << 63, make([]byte, size-33)}
		pace := time.Duration(1+size/700) * time.Millisecond
		b.Run(fmt.Sprintf("size=%d/Broadcast", size), func(b *testing.B) {
			pacedFan(b, pace, func(f *fanOut) error { return peer.Broadcast(f.server, f.side.reply, v) })
		})
		b.Run(fmt.Sprintf("size=%d/copies", size), func(b *testing.B) {
			payload := make([]byte, size)
			pacedFan(b, pace, func(f *fanOut) error {
				t := f.side.reply.In(f.side.reg)
				return f.each(func(c *peer.Conn) error { return c.SendRaw(t, payload) })
			})
		})
	}
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
func fan(b *testing.B, send func(*fanOut) error) { pacedFan(b, 0, send) }

// pacedFan is fan with some time between two packets.
func pacedFan(b *testing.B, pace time.Duration, send func(*fanOut) error) {
	made := make(chan *peer.Conn, fanConns)
	srv, s, to := listen(b, made)
	take(b, to.addr, greeted)
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
		if pace == 0 {
			loop.Post(again)
		} else {
			loop.After(pace, again)
		}
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

// fanOfWrites makes the same system calls from Go, and nothing else.
func fanOfWrites(b *testing.B) {
	ln, at := listenBare(b)
	defer unix.Close(ln)
	take(b, at, plain)
	var fds []int
	for range fanConns {
		fd, _, err := unix.Accept(ln)
		must(b, err)
		defer unix.Close(fd)
		must(b, unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
		fds = append(fds, fd)
	}
	frame := codec.AppendFrame(nil, echoID+1, make([]byte, size))
	cpu := measure(b, func() {
		for range b.N {
			for _, fd := range fds {
				if _, err := unix.Write(fd, frame); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.ReportMetric(cpu/fanConns, "cpu-ns/write")
}

// listenBare listens at a socket that the runtime knows nothing of.
func listenBare(b *testing.B) (fd int, addr string) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	must(b, err)
	must(b, unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	must(b, unix.Listen(fd, fanConns))
	at, err := unix.Getsockname(fd)
	must(b, err)
	in := at.(*unix.SockaddrInet4)
	return fd, netip.AddrPortFrom(netip.AddrFrom4(in.Addr), uint16(in.Port)).String()
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

// taker is set to how and where to connect in the process that take starts.
const taker = "INPROC_TAKE_FROM"

// What the other ends say first.
const (
	greeted = "greeted" // packetmq's handshake
	plain   = "plain"   // nothing
)

func TestMain(m *testing.M) {
	if from := os.Getenv(taker); from != "" {
		how, addr, _ := strings.Cut(from, " ")
		if err := takeAll(addr, how); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// take has another process connect 1,000 times to a server and read all.
func take(b *testing.B, addr, how string) {
	exe, err := os.Executable()
	must(b, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), taker+"="+how+" "+addr)
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
func takeAll(addr, how string) error {
	poll, err := unix.EpollCreate1(0)
	if err != nil {
		return err
	}
	at, err := netip.ParseAddrPort(addr)
	if err != nil {
		return err
	}
	for range fanConns {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0) // the runtime's poller would be woken too
		if err != nil {
			return err
		}
		if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())}); err != nil {
			return err
		}
		if how == greeted {
			if err := greet(bare(fd)); err != nil {
				return err
			}
		}
		if err := watch(poll, fd); err != nil {
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

// bare is a socket that blocks.
type bare int

func (fd bare) Write(b []byte) (int, error) { return unix.Write(int(fd), b) }

func (fd bare) Read(b []byte) (int, error) {
	n, err := unix.Read(int(fd), b)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return max(n, 0), err
}

func watch(poll, fd int) error {
	return unix.EpollCtl(poll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}
