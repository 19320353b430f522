package caller

// When packets of an open loop are due.

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// look is how often the pace looks whether it was interrupted.
const look = 10 * time.Millisecond

// pace sends the times at which packets are due to the conns in turn, when they
// have come, and closes the channels when d has passed or ctx is done. What was
// due is never left out, however late it is.
func (r *round) pace(ctx context.Context, d time.Duration, dues []chan int64) error {
	defer func() {
		for _, due := range dues {
			close(due)
		}
	}()
	alarm, err := newAlarm()
	if err != nil {
		return err
	}
	defer alarm.file.Close()
	start := r.now()
	for n, end := 0, start+int64(d); ; n++ {
		at := start + int64(float64(n)/r.cfg.Rate*1e9)
		if at >= end {
			return nil
		}
		for wait := at - r.now(); wait > 0; wait = at - r.now() {
			if err := alarm.wait(min(time.Duration(wait), look)); err != nil {
				return err
			}
			if ctx.Err() != nil {
				return nil
			}
		}
		select {
		case dues[n%len(dues)] <- at:
		case <-ctx.Done():
			return nil
		}
	}
}

// alarm is a timer of the system: the runtime's own ones come up to a
// millisecond late where nothing else wakes it.
type alarm struct{ file *os.File }

func newAlarm() (alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return alarm{}, fmt.Errorf("caller: timer: %w", err)
	}
	return alarm{os.NewFile(uintptr(fd), "timer")}, nil
}

func (a alarm) wait(d time.Duration) error {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	if err := a.set(&spec); err != nil {
		return fmt.Errorf("caller: timer: %w", err)
	}
	var times [8]byte
	_, err := a.file.Read(times[:])
	return err
}

func (a alarm) set(spec *unix.ItimerSpec) error {
	raw, err := a.file.SyscallConn()
	if err != nil {
		return err
	}
	var fault error
	err = raw.Control(func(fd uintptr) { fault = unix.TimerfdSettime(int(fd), 0, spec, nil) })
	if err != nil {
		return err
	}
	return fault
}
