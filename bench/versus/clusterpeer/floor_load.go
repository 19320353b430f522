package clusterpeer

// The loads of the floor: they write from the goroutine that asks.

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/bench/versus/caller"
)

// FloorUser is User with the floor's nodes and clients.
func FloorUser(ctx context.Context, cfg caller.Config) (caller.Result, error) {
	from, to, err := twoNodes(cfg.Addr)
	if err != nil {
		return caller.Result{}, err
	}
	var last atomic.Uint32
	return caller.Calls(ctx, cfg, func(context.Context) (caller.Unary, error) { return floorLine(from, to, last.Add(1)) })
}

// floorLine connects a client to each of two nodes, the second one as a user.
func floorLine(from, to string, user uint32) (*line, error) {
	l := &line{}
	there, _, err := floorClient(to, l, user)
	if err != nil {
		return nil, err
	}
	here, w, err := floorClient(from, l, 0)
	if err != nil {
		there.Close()
		return nil, err
	}
	id := binary.BigEndian.AppendUint32(nil, user)
	l.send = func(b []byte) error {
		w.addFrame(append(append(make([]byte, 0, 4+len(b)), id...), b...)).flushSoon()
		return nil
	}
	l.end = func() { here.Close(); there.Close() }
	return l, nil
}

// floorClient connects to a node as a user, and returns when the node knows him.
func floorClient(addr string, l *line, user uint32) (net.Conn, *batch, error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, nil, err
	}
	known := make(chan bool, 1)
	go func() {
		defer l.fail()
		readFloorFrames(nc, func(frame []byte) *batch {
			if len(frame) == 4 {
				known <- true
			} else {
				l.arrived(frame[4:])
			}
			return nil
		})
	}()
	w := newBatch(nc)
	w.addFrame(binary.BigEndian.AppendUint32(nil, user)).flush()
	select {
	case <-known:
		return nc, w, nil
	case <-time.After(startPatience):
		nc.Close()
		return nil, nil, errors.New("clusterpeer: the node of the floor does not answer")
	}
}

// FloorAsk is Ask with the floor's nodes: the load is one of them.
func FloorAsk(ctx context.Context, cfg caller.Config) (caller.Result, error) {
	s, bus, err := newFloorServer(cfg.Addr)
	if err != nil {
		return caller.Result{}, err
	}
	defer s.WaitForShutdown()
	defer s.Shutdown()
	defer bus.Close()
	known := make(chan bool, 1)
	l := &line{end: func() {}}
	l.send = func(b []byte) error { bus.publish("n0", b).flushSoon(); return nil }
	go func() {
		defer l.fail()
		bus.read(func(payload []byte) *batch {
			if len(payload) > 0 {
				l.arrived(payload)
				return nil
			}
			select {
			case known <- true:
			default:
			}
			return nil
		})
	}()
	if err := floorKnown(bus, known); err != nil {
		return caller.Result{}, err
	}
	return caller.Calls(ctx, cfg, func(context.Context) (caller.Unary, error) { return floorAsker{l}, nil })
}

// floorKnown asks the other node until it answers.
func floorKnown(bus *floorBus, known chan bool) error {
	for began := time.Now(); time.Since(began) < startPatience; {
		bus.publish("n0", nil).flush()
		select {
		case <-known:
			return nil
		case <-time.After(10 * time.Millisecond):
		}
	}
	return errors.New("clusterpeer: the node of the floor is not found")
}

// floorAsker is the line of the whole load.
type floorAsker struct{ *line }

// Close leaves the line: it ends with the node.
func (a floorAsker) Close() error { return nil }
