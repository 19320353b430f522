//go:build unix

package restart

// The conn between the old and the new process: messages, and the descriptors that go along.

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetmq/packetmq/internal/unixsocket"
)

// link is that conn, on one of its sides.
type link struct {
	nc  *net.UnixConn
	fds []int // that came and were not taken
}

// newLink takes nc over if the process at its other end is of this user.
func newLink(nc *net.UnixConn, until time.Time) (*link, error) {
	l := &link{nc: nc}
	cred, ok := unixsocket.PeerOf(nc)
	own := uint32(os.Geteuid())
	switch {
	case !ok:
		l.close()
		return nil, ErrPlatform
	case cred.UID != own:
		l.close()
		return nil, &OwnerError{cred.UID, own}
	}
	nc.SetDeadline(until)
	return l, nil
}

// close closes the conn, and the descriptors that nobody has taken.
func (l *link) close() {
	l.nc.Close()
	for _, fd := range l.takeFDs() {
		unix.Close(fd)
	}
}

func (l *link) takeFDs() []int {
	fds := l.fds
	l.fds = nil
	return fds
}

// send sends a message.
func (l *link) send(k kind, payload []byte) error {
	_, err := l.nc.Write(appendMessage(nil, k, payload))
	return err
}

// sendFiles sends a message with descriptors. The system sends those with the first byte, so
// that they are there when the message is.
func (l *link) sendFiles(k kind, payload []byte, files []*os.File) error {
	fds := make([]int, len(files))
	for i, f := range files {
		fds[i] = int(f.Fd())
	}
	b := appendMessage(nil, k, payload)
	n, _, err := l.nc.WriteMsgUnix(b, unix.UnixRights(fds...), nil)
	if err == nil && n < len(b) {
		_, err = l.nc.Write(b[n:])
	}
	return err
}

// fail tells the other side why this one gives up, and closes.
func (l *link) fail(why error) {
	text := why.Error()
	l.send(kindFailed, []byte(strings.ToValidUTF8(text[:min(len(text), maxWhy)], "")))
	l.close()
}

// receive reads a message, which must be a want. If the other side has given up, the error is
// a *FailedError.
func (l *link) receive(want kind) ([]byte, error) {
	k, payload, err := l.receiveAny()
	if err == nil && k != want {
		err = &MessageError{fmt.Sprintf("%v where %v was to come", k, want)}
	}
	return payload, err
}

func (l *link) receiveAny() (kind, []byte, error) {
	var header [headerSize]byte
	if err := l.read(header[:]); err != nil {
		return 0, nil, err
	}
	k, length, err := parseHeader(header[:])
	if err != nil {
		return 0, nil, err
	}
	payload := make([]byte, length)
	if err := l.read(payload); err != nil {
		return 0, nil, err
	}
	if k == kindFailed {
		return k, nil, &FailedError{string(payload[:min(len(payload), maxWhy)])}
	}
	return k, payload, nil
}

// read fills b, and keeps the descriptors that come with it.
func (l *link) read(b []byte) error {
	oob := make([]byte, unix.CmsgSpace(4*(MaxListeners+1)))
	for len(b) > 0 {
		n, oobn, flags, _, err := l.nc.ReadMsgUnix(b, oob)
		if err == nil {
			err = l.keepFDs(oob[:oobn])
		}
		if err == nil && flags&unix.MSG_CTRUNC != 0 {
			err = &MessageError{"more descriptors than there can be"}
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrUnexpectedEOF
		}
		b = b[n:]
	}
	return nil
}

// keepFDs keeps the descriptors in control messages.
func (l *link) keepFDs(oob []byte) error {
	if len(oob) == 0 {
		return nil
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return err
	}
	for _, m := range messages {
		if fds, err := unix.ParseUnixRights(&m); err == nil {
			l.fds = append(l.fds, fds...)
		}
	}
	if len(l.fds) > MaxListeners+1 {
		return &MessageError{"more descriptors than there can be"}
	}
	return nil
}

// readEndIsFinal says that the system refuses what is sent to a Unix socket whose reading side was
// ended, and keeps for its reader what was sent before. Other systems drop that.
const readEndIsFinal = runtime.GOOS == "linux"

// lastWord decides about a process that was told to serve and has not said in time that it does,
// because of err: it takes no more of its words, and looks whether the one has come meanwhile. If
// not, that process cannot say it any more, and learns so from its Commit.
func (l *link) lastWord(err error) error {
	if failed := l.nc.CloseRead(); failed != nil {
		return errors.Join(err, failed)
	}
	l.nc.SetDeadline(time.Now().Add(time.Second)) // what has come is there
	if _, last := l.receive(kindServing); last == nil {
		return nil
	}
	return err
}

// hasEnded reports whether err means that the other process has closed its side of the conn,
// itself or by its end, and not that it is late.
func hasEnded(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE)
}
