package capture

// writer: the goroutine that takes records out of the buffers of the loops, cuts out what is
// secret, and writes them.

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"sync"
	"time"
)

const (
	// pollEvery is how often the writer looks for records by itself. Longer loses more when
	// the process dies; shorter costs more while little happens.
	pollEvery = 50 * time.Millisecond

	// batch is how many bytes are written at a time.
	batch = 256 << 10
)

type writer struct {
	rec   *Recorder
	w     io.Writer
	woken chan struct{}
	end   chan struct{} // closed by close
	done  chan struct{} // closed when run has ended
	once  sync.Once

	// The goroutine's own.
	begun  bool
	cutter *cutter
	sums   map[uint64]*sum
	open   map[uint64]Record // Opened of conns that are open, for the next file
	spare  []byte            // for records that do not lie in one piece
	out    []byte            // records that do not lie in a loop's buffer
	sum    []byte
	size   int64 // of the file
	gaps   Stats // the records that were dropped before they came here, as far as the file says so
	err    error
}

// sum is a checksum of a conn's output.
type sum struct {
	n   uint64
	crc uint32
}

func newWriter(r *Recorder, w io.Writer) *writer {
	cut := newCutter(r.cfg.Registry)
	cut.compares = r.cfg.Output == KeepSums
	return &writer{
		rec: r, w: w, woken: make(chan struct{}, 1), end: make(chan struct{}), done: make(chan struct{}),
		cutter: cut, sums: make(map[uint64]*sum), open: make(map[uint64]Record),
	}
}

// wake has the writer look for records soon. Any goroutine may call it.
func (w *writer) wake() {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

// close has the writer write what is left and end.
func (w *writer) close() (err error) {
	err = ErrClosed
	w.once.Do(func() {
		close(w.end)
		<-w.done
		err = w.err
	})
	return err
}

func (w *writer) run() {
	defer close(w.done)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-w.woken:
		case <-tick.C:
		case <-w.end:
			w.drain()
			w.beginFirst()
			w.lastGap()
			w.stop("closed")
			return
		}
		w.drain()
	}
}

// begin begins a file.
func (w *writer) begin() {
	w.out = append(w.out, magic...)
	w.out = appendRecord(w.out, &Record{Kind: Start, N: version, Wall: w.zero(), Bytes: uint64(w.loops())})
	for _, opened := range w.open {
		w.out = appendRecord(w.out, &opened)
	}
	w.flush()
}

// beginFirst begins the first file, when the reactor's clock is known.
func (w *writer) beginFirst() {
	if !w.begun {
		w.begun = true
		w.begin()
	}
}

// zero is the time of day when the reactor's clock was 0, as far as it has not been stopped.
func (w *writer) zero() time.Time {
	if l := w.rec.clock.Load(); l != nil {
		return time.Now().Add(-l.Time())
	}
	return w.rec.began
}

// loops is how many loops the reactor has, 0 if nothing is known of it.
func (w *writer) loops() int {
	if l := w.rec.clock.Load(); l != nil {
		return len(l.Reactor().Loops())
	}
	return 0
}

// drain writes all that waits.
func (w *writer) drain() {
	for more := true; more; {
		more = false
		for _, k := range *w.rec.logs.Load() {
			if k == nil {
				continue
			}
			var records []byte
			if records, w.spare = k.queue.front(w.spare, batch); len(records) > 0 {
				more = true
				w.take(records)
				k.queue.release(len(records))
			}
		}
	}
}

// take writes whole records. They are written from where they lie, unless one of them is left out
// or replaced.
func (w *writer) take(b []byte) {
	w.beginFirst()
	at := 0 // b is done with up to here
	for end := 0; end < len(b) && w.err == nil; {
		record := b[end : end+4+int(binary.BigEndian.Uint32(b[end:]))]
		if w.size+int64(len(w.out)+end-at+len(record)+stopSize) > w.rec.cfg.MaxBytes {
			w.write(b[at:end])
			at = end
			if !w.next() {
				return
			}
		}
		end += len(record)
		if in, keep := w.cut(record); !keep {
			w.out = append(append(w.out, b[at:end-len(record)]...), in...)
			at = end
			continue
		}
		w.rec.stats.records.Add(1)
	}
	w.write(b[at:])
}

// cut cuts what is secret out of a record, and reports whether it is to be in the file. If not, in
// takes its place.
func (w *writer) cut(b []byte) (in []byte, keep bool) {
	kind := Kind(b[4])
	switch kind {
	case Input, Output:
		conn := binary.BigEndian.Uint64(b[headSize:])
		if !w.cutter.cut(conn, kind == Output, b[connSize:]) {
			w.rec.stats.dropped.Add(1)
			w.rec.stats.droppedBytes.Add(uint64(len(b) - connSize))
			w.gaps.Dropped++ // the Gap before says that these are missing
			w.gaps.DroppedBytes += uint64(len(b) - connSize)
			return nil, false
		}
		if kind == Output && w.rec.cfg.Output == KeepSums {
			return w.sumOf(conn, b), false
		}
	case Opened:
		r, _ := parse(b[4:])
		w.cutter.opened(r.Conn, r.Loop)
		r.Continued = true
		w.open[r.Conn] = r
	case Gap:
		r, _ := parse(b[4:])
		w.gaps.Dropped += r.N
		w.gaps.DroppedBytes += r.Bytes
		w.lose(r.Loop)
	case Closed:
		conn := binary.BigEndian.Uint64(b[headSize:])
		w.cutter.forget(conn)
		delete(w.sums, conn)
		delete(w.open, conn)
	}
	return nil, true
}

// lose leaves out the bytes of all conns of a loop that are open, of which some were dropped: nobody
// could tell where in them a secret is.
func (w *writer) lose(loop int) {
	w.cutter.lose(loop)
	for conn, opened := range w.open {
		if opened.Loop == loop {
			delete(w.sums, conn)
			delete(w.open, conn)
		}
	}
}

// sumOf is the checksum that stands in place of the Output b. It is valid until the next call.
func (w *writer) sumOf(conn uint64, b []byte) []byte {
	s := w.sums[conn]
	if s == nil {
		s = new(sum)
		w.sums[conn] = s
	}
	s.add(b[connSize:])
	at := time.Duration(binary.BigEndian.Uint64(b[7:]))
	loop := int(binary.BigEndian.Uint16(b[5:]))
	w.rec.stats.records.Add(1)
	w.sum = appendRecord(w.sum[:0], &Record{Kind: OutputSum, Loop: loop, Time: at, Conn: conn, N: s.n, Sum: s.crc})
	return w.sum
}

// add goes on with b, also in the sum of a Play.
func (s *sum) add(b []byte) {
	s.n += uint64(len(b))
	s.crc = crc32.Update(s.crc, crc32.MakeTable(crc32.Castagnoli), b)
}

// stopSize is room for a Stop.
const stopSize = 64

// next goes on in the next file, or ends the capture. It reports which it is.
func (w *writer) next() bool {
	files, ok := w.w.(Rotator)
	if !ok {
		w.stop("full")
		w.fail(ErrFull)
		return false
	}
	w.stop("next")
	if err := files.Rotate(); err != nil {
		w.fail(err)
		return false
	}
	w.size = 0
	w.begin()
	return w.err == nil
}

// lastGap says that records were dropped after the last one that had room.
func (w *writer) lastGap() {
	s := w.rec.Stats()
	if n := s.Dropped - w.gaps.Dropped; n > 0 && w.err == nil {
		w.out = appendRecord(w.out, &Record{Kind: Gap, N: n, Bytes: s.DroppedBytes - w.gaps.DroppedBytes})
	}
}

// stop writes the last record of a file.
func (w *writer) stop(why string) {
	if w.err == nil {
		w.out = appendRecord(w.out, &Record{Kind: Stop, Name: why})
		w.flush()
	}
}

// flush writes what was appended to out.
func (w *writer) flush() { w.write(nil) }

// write writes what was appended to out, and b after it.
func (w *writer) write(b []byte) {
	if len(w.out) > 0 {
		b = append(w.out, b...)
		w.out = b[:0]
	}
	if len(b) == 0 || w.err != nil {
		return
	}
	n, err := w.w.Write(b)
	w.size += int64(n)
	w.rec.stats.bytes.Add(uint64(n))
	if err != nil {
		w.fail(err)
	}
}

// fail ends the capture because of err.
func (w *writer) fail(err error) {
	if w.err != nil {
		return
	}
	w.err = err
	w.rec.off.Store(true)
	w.rec.stats.err.Store(&err)
	w.rec.cfg.Logger.Warn("capture ended", "err", err, "bytes", w.size)
}
