package clusterpeer

// Frames and writes of the floor: all that there is to be written leaves with one write.

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"slices"
	"sync"
)

// batch is output of a conn. Any goroutine may use it.
type batch struct {
	nc net.Conn

	// Guarded by mu.
	mu      sync.Mutex
	waiting []byte
	spare   []byte
	writing bool // a goroutine writes, and will write what is added meanwhile
}

func newBatch(nc net.Conn) *batch { return &batch{nc: nc} }

// add adds parts, with nothing between them, and returns w.
func (w *batch) add(parts ...[]byte) *batch {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range parts {
		w.waiting = append(w.waiting, p...)
	}
	return w
}

// addFrame adds a frame, and returns w.
func (w *batch) addFrame(b []byte) *batch {
	var head [4]byte
	binary.BigEndian.PutUint32(head[:], uint32(len(b)))
	return w.add(head[:], b)
}

// flush writes what there is, or leaves it to the goroutine that writes. What cannot be written is dropped:
// the reader of the conn sees its end.
func (w *batch) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.writing {
		return
	}
	w.writing = true
	for len(w.waiting) > 0 {
		b := w.waiting
		w.waiting = w.spare[:0]
		w.mu.Unlock()
		w.nc.Write(b)
		w.mu.Lock()
		w.spare = b
	}
	w.writing = false
}

// flushSoon is flush when others that are about to add something have done so.
func (w *batch) flushSoon() {
	runtime.Gosched()
	w.flush()
}

// flushes are batches that are to be flushed, each once.
type flushes []*batch

func (f *flushes) add(w *batch) {
	if w != nil && !slices.Contains(*f, w) {
		*f = append(*f, w)
	}
}

func (f *flushes) flush() {
	for _, w := range *f {
		w.flush()
	}
	*f = (*f)[:0]
}

// readFloorFrames calls f with each frame that comes, and flushes what f returns when no other one has come.
// It returns when the conn ends. A frame is of 4 bytes at least.
func readFloorFrames(nc net.Conn, f func(frame []byte) *batch) error {
	from := bufio.NewReaderSize(nc, 64<<10)
	var dirty flushes
	for {
		head, err := from.Peek(4)
		if err != nil {
			return err
		}
		size := int(binary.BigEndian.Uint32(head))
		if size < 4 || size > floorBytes {
			return errFloor
		}
		from.Discard(4)
		if err := whole(from, size, func(b []byte) { dirty.add(f(b)) }); err != nil {
			return err
		}
		if from.Buffered() == 0 {
			dirty.flush()
		}
	}
}

// whole calls f with the next n bytes, which are f's until it returns.
func whole(from *bufio.Reader, n int, f func(b []byte)) error {
	if n <= from.Size() {
		b, err := from.Peek(n)
		if err != nil {
			return err
		}
		f(b)
		from.Discard(n)
		return nil
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(from, b); err != nil {
		return err
	}
	f(b)
	return nil
}
