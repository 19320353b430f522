package peer

// The packet log: the last packets of a peer, for finding faults.

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/internal/ringbuf"
	"github.com/packetmq/packetmq/registry"
)

// Direction is the way a logged packet went.
type Direction uint8

// The two ways.
const (
	Received Direction = iota
	Sent
)

func (d Direction) String() string {
	if d == Sent {
		return "sent"
	}
	return "received"
}

// maxLogged is how much of each payload the packet log keeps, in bytes.
const maxLogged = 1 << 10

// LogEntry is one packet of the packet log.
type LogEntry struct {
	Time      time.Time
	Direction Direction
	Conn      uint64 // its id
	Packet    string // its name; empty for bytes that were sent under an unknown id
	Size      int    // of the payload, in bytes
	Payload   []byte // the first 1,024 bytes of it, as they were on the wire
}

// packetLog keeps the last packets.
type packetLog struct {
	on     atomic.Bool              // there is something to log, or to trace
	keeps  atomic.Bool              // there is something to log
	traces atomic.Pointer[[]*trace] // replaced as a whole, with mu held

	mu sync.Mutex

	// Guarded by mu.
	max        int  // entries
	recv, send bool // which packets are logged
	ring       ringbuf.Ring[LogEntry]
}

func (l *packetLog) set(max int, recv, send bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.max, l.recv, l.send = max, recv, send
	for l.ring.Len() > max {
		l.ring.Pop()
	}
	l.keeps.Store(max > 0 && (recv || send))
	l.noteOn()
}

// noteOn brings on up to date. mu is held.
func (l *packetLog) noteOn() { l.on.Store(l.keeps.Load() || len(l.allTraces()) > 0) }

func (l *packetLog) add(e LogEntry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.max == 0 || e.Direction == Received && !l.recv || e.Direction == Sent && !l.send {
		return
	}
	if l.ring.Len() == l.max {
		l.ring.Pop()
	}
	l.ring.Push(e)
}

// logPacket shows a packet to those who trace its conn, and adds it to the packet log, if
// that is on.
func (p *Peer) logPacket(c *Conn, d Direction, t *registry.Type, payload []byte) {
	if !p.packets.on.Load() {
		return
	}
	p.packets.tellTraces(c, d, t, payload)
	if !p.packets.keeps.Load() {
		return
	}
	e := LogEntry{Time: time.Now(), Direction: d, Conn: c.id, Size: len(payload)}
	if t != nil {
		e.Packet = t.Name()
	}
	e.Payload = append(e.Payload, payload[:min(len(payload), maxLogged)]...)
	p.packets.add(e)
}

// SetPacketLog has the packet log keep the last n packets, of those received,
// sent, or both; 0 turns it off and empties it. Logging costs a copy and a lock
// for each packet.
func (p *Peer) SetPacketLog(n int, received, sent bool) {
	if p.check() != nil {
		return
	}
	p.packets.set(max(n, 0), received, sent)
	p.epoch.Add(1)
}

// PacketLog returns what the packet log holds, oldest first.
func (p *Peer) PacketLog() []LogEntry {
	if p.check() != nil {
		return nil
	}
	l := &p.packets
	l.mu.Lock()
	defer l.mu.Unlock()
	entries := make([]LogEntry, l.ring.Len())
	for i := range entries {
		entries[i] = l.ring.At(i)
	}
	return entries
}

// ClearPacketLog empties the packet log.
func (p *Peer) ClearPacketLog() {
	if p.check() != nil {
		return
	}
	p.packets.mu.Lock()
	defer p.packets.mu.Unlock()
	p.packets.ring.Clear()
}
