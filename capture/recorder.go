package capture

// Recorder: the engine's Tap. It puts what it is told into the buffers of the loops, from which
// writer.go takes it.

import (
	"errors"
	"io"
	"net"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
)

// Recorder records what enters the loops of one reactor: it is what engine.Config.Tap takes.
// The engine calls the methods of engine.Tap; a program calls Close and Stats.
type Recorder struct {
	cfg    Config
	began  time.Time
	writer *writer

	lastConn atomic.Uint64
	off      atomic.Bool // nothing is recorded any more
	stats    stats

	mu    sync.Mutex // held to change logs
	logs  atomic.Pointer[[]*loopLog]
	clock atomic.Pointer[engine.Loop] // any loop, for its clock
}

// Stats is what a Recorder has done.
type Stats struct {
	Records      uint64 // in the file
	Bytes        uint64 // in the file
	Dropped      uint64 // records for which there was no room
	DroppedBytes uint64 // of the conns' data in these
	Conns        uint64 // captured so far
	Err          error  // why nothing is recorded any more; ErrFull, or that of the writer
}

// stats are the counters of Stats.
type stats struct {
	records, bytes, dropped, droppedBytes atomic.Uint64
	err                                   atomic.Pointer[error]
}

var (
	// ErrFull: the file has Config.MaxBytes.
	ErrFull = errors.New("capture: file is full")

	// ErrClosed: the Recorder was closed.
	ErrClosed = errors.New("capture: closed")
)

var _ engine.Tap = (*Recorder)(nil)

// New makes a Recorder that writes to w, which is not closed by it. It has a goroutine until
// Close. The zero Config means the defaults.
func New(w io.Writer, cfg Config) *Recorder {
	r := &Recorder{cfg: cfg.withDefaults(), began: time.Now()}
	r.logs.Store(new([]*loopLog))
	r.writer = newWriter(r, w)
	go r.writer.run()
	return r
}

// Close writes what waits, and ends the capture. It returns the first error of the writer.
// The reactor is to have stopped: what loops do meanwhile is not recorded. Further calls return
// ErrClosed.
func (r *Recorder) Close() error {
	r.off.Store(true)
	return r.writer.close()
}

// Stats tells what was recorded so far.
func (r *Recorder) Stats() Stats {
	s := Stats{
		Records: r.stats.records.Load(), Bytes: r.stats.bytes.Load(),
		Dropped: r.stats.dropped.Load(), DroppedBytes: r.stats.droppedBytes.Load(), Conns: r.lastConn.Load(),
	}
	if err := r.stats.err.Load(); err != nil {
		s.Err = *err
	}
	return s
}

// loopLog is what a Recorder has for a loop. Loop only, but for queue.
type loopLog struct {
	rec     *Recorder
	queue   *ring
	loop    *engine.Loop
	conns   map[*engine.Conn]*recordedConn
	called  time.Duration // when the posted function was called that is not recorded yet
	pending bool          // there is one
	dropped uint64        // records since the last one that had room
	lost    uint64        // bytes of data in these
	scratch []byte
	gap     []byte // a Gap, while scratch has the record that follows it
	codec   codec.Msgpack
	secrets map[reflect.Type]*secretPath // of results of offloaded work
}

// recordedConn is a conn that is captured.
type recordedConn struct {
	number  uint64
	offered int // bytes that the handler was last offered
	rest    int // of these, bytes that it left
}

// log is the loop's, nil if nothing is recorded.
func (r *Recorder) log(l *engine.Loop) *loopLog {
	if r.off.Load() {
		return nil
	}
	if logs := *r.logs.Load(); l.Index() < len(logs) && logs[l.Index()] != nil {
		return logs[l.Index()]
	}
	return r.addLog(l)
}

// addLog makes the loop's log.
func (r *Recorder) addLog(l *engine.Loop) *loopLog {
	r.mu.Lock()
	defer r.mu.Unlock()
	logs := slices.Clone(*r.logs.Load())
	for len(logs) <= l.Index() {
		logs = append(logs, nil)
	}
	k := &loopLog{rec: r, loop: l, queue: newRing(r.cfg.Buffer), conns: make(map[*engine.Conn]*recordedConn), secrets: make(map[reflect.Type]*secretPath)}
	logs[l.Index()] = k
	r.clock.CompareAndSwap(nil, l)
	r.logs.Store(&logs)
	return k
}

// put adds a record of which head is all but the data. It writes the length.
func (k *loopLog) put(head, data []byte) {
	n := len(head) + len(data)
	if k.dropped > 0 && !k.putGap() || n > maxRecord || !k.queue.fits(n) {
		k.dropped++
		k.lost += uint64(len(data))
		k.rec.stats.dropped.Add(1)
		k.rec.stats.droppedBytes.Add(uint64(len(data)))
		return
	}
	head[0], head[1], head[2], head[3] = byte((n-4)>>24), byte((n-4)>>16), byte((n-4)>>8), byte(n-4)
	k.queue.push(head, data)
	if k.queue.wants() {
		k.rec.writer.wake()
	}
}

// putGap says that records were dropped. It reports whether there is room for that.
func (k *loopLog) putGap() bool {
	b := appendRecord(k.gap[:0], &Record{Kind: Gap, Loop: k.loop.Index(), Time: k.loop.Time(), N: k.dropped, Bytes: k.lost})
	k.gap = b
	if !k.queue.fits(len(b)) {
		return false
	}
	k.queue.push(b, nil)
	k.dropped, k.lost = 0, 0
	return true
}

// record adds r, at this moment.
func (k *loopLog) record(r *Record) {
	k.putCalled()
	r.Loop, r.Time = k.loop.Index(), k.loop.Time()
	k.scratch = appendRecord(k.scratch[:0], r)
	k.put(k.scratch, nil)
}

// putCalled records the posted function that is being called, which turned out to have no name.
func (k *loopLog) putCalled() {
	if k.pending {
		k.pending = false
		k.scratch = appendRecord(k.scratch[:0], &Record{Kind: Called, Loop: k.loop.Index(), Time: k.called})
		k.put(k.scratch, nil)
	}
}

// data adds a record with bytes of a conn.
func (k *loopLog) data(kind Kind, conn uint64, b []byte) {
	k.putCalled()
	head := appendHead(k.scratch[:0], connSize, kind, k.loop.Index(), k.loop.Time())
	k.scratch = appendUint(head, conn)
	k.put(k.scratch, b)
}

// Opened implements engine.Tap.
func (r *Recorder) Opened(c *engine.Conn) {
	k := r.log(c.Loop())
	if k == nil || r.cfg.Conns != nil && !r.cfg.Conns(c) {
		return
	}
	conn := &recordedConn{number: r.lastConn.Add(1)}
	k.conns[c] = conn
	rec := &Record{Kind: Opened, Conn: conn.number}
	rec.Network, rec.Local = addrText(c.LocalAddr())
	_, rec.Remote = addrText(c.RemoteAddr())
	k.record(rec)
}

func addrText(a net.Addr) (network, text string) {
	if a == nil {
		return "", ""
	}
	return a.Network(), a.String()
}

// Received implements engine.Tap.
func (r *Recorder) Received(c *engine.Conn, b []byte) {
	k := r.log(c.Loop())
	if k == nil {
		return
	}
	if conn := k.conns[c]; conn != nil {
		k.data(Input, conn.number, b[min(conn.rest, len(b)):])
		conn.offered, conn.rest = len(b), 0
	}
}

// Took implements engine.Tap.
func (r *Recorder) Took(c *engine.Conn, n int) {
	if k := r.log(c.Loop()); k != nil {
		if conn := k.conns[c]; conn != nil {
			conn.rest = conn.offered - n
			k.record(&Record{Kind: Took, Conn: conn.number, N: uint64(n)})
		}
	}
}

// maxPart is how many bytes of output are in one record at most, so that a long one does not
// need all of the buffer at once.
const maxPart = 64 << 10

// Sent implements engine.Tap.
func (r *Recorder) Sent(c *engine.Conn, b []byte) {
	k := r.log(c.Loop())
	if k == nil || r.cfg.Output == KeepNone {
		return
	}
	conn := k.conns[c]
	if conn == nil {
		return
	}
	for len(b) > 0 {
		n := min(len(b), maxPart)
		k.data(Output, conn.number, b[:n])
		b = b[n:]
	}
}

// Ended implements engine.Tap.
func (r *Recorder) Ended(c *engine.Conn, err error) { r.conn(c, Ended, false, err) }

// Closed implements engine.Tap.
func (r *Recorder) Closed(c *engine.Conn, err error) { r.conn(c, Closed, false, err) }

// Expired implements engine.Tap.
func (r *Recorder) Expired(c *engine.Conn) { r.conn(c, Expired, false, nil) }

// Pressed implements engine.Tap.
func (r *Recorder) Pressed(c *engine.Conn, above bool) { r.conn(c, Pressed, above, nil) }

// Drained implements engine.Tap.
func (r *Recorder) Drained(c *engine.Conn) { r.conn(c, Drained, false, nil) }

// conn records something of a conn.
func (r *Recorder) conn(c *engine.Conn, kind Kind, above bool, err error) {
	k := r.log(c.Loop())
	if k == nil {
		return
	}
	conn := k.conns[c]
	if conn == nil {
		return
	}
	k.record(&Record{Kind: kind, Conn: conn.number, Continued: above, Err: errText(err)})
	if kind == Closed {
		delete(k.conns, c)
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Called implements engine.Tap. It is recorded when it is clear what was called.
func (r *Recorder) Called(l *engine.Loop) {
	if k := r.log(l); k != nil {
		k.putCalled()
		k.called, k.pending = l.Time(), true
	}
}

// posted is called by a post with a name, in place of Called.
func (r *Recorder) posted(l *engine.Loop, name string, data []byte) {
	if k := r.log(l); k != nil {
		k.pending = false
		k.record(&Record{Kind: Posted, Name: name, Data: data})
	}
}

// Fired implements engine.Tap.
func (r *Recorder) Fired(l *engine.Loop, timer uint64) {
	if k := r.log(l); k != nil {
		k.record(&Record{Kind: Fired, N: timer})
	}
}

// Offloaded implements engine.Tap. What cannot be encoded is recorded as an error, and so is
// what is larger than 1 MiB.
func (r *Recorder) Offloaded(l *engine.Loop, call uint64, v any, err error) {
	k := r.log(l)
	if k == nil {
		return
	}
	k.pending = false
	rec := &Record{Kind: Offloaded, N: call, Err: errText(err)}
	if err == nil {
		data, bad := k.codec.Append(nil, v)
		switch {
		case bad != nil:
			rec.Err = notKept + bad.Error()
		case len(data) > maxOffload:
			rec.Err = notKept + "it is too large"
		default:
			if p := k.secretsOf(v); p != nil {
				(&masker{path: p}).mask(data)
			}
			rec.Data = data
		}
	}
	k.record(rec)
}

// secretsOf is the secretPath of v's type.
func (k *loopLog) secretsOf(v any) *secretPath {
	t := reflect.TypeOf(v)
	p, known := k.secrets[t]
	if !known {
		p = secretsOf(t)
		k.secrets[t] = p
	}
	return p
}

// notKept begins the Err of an Offloaded whose result is not in the capture.
const notKept = "capture: result was not kept: "
