package peer

// The type Peer: its fields, how it is made, run and stopped.

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/throttle"
	"github.com/packetmq/packetmq/registry"
)

// Peer is what Server, Client, MemoryServer and MemoryClient have in common:
// one side of conversations, with its packets, its conns and its reactor.
//
// Its methods may be called from any goroutine.
type Peer struct {
	// Set once.
	reg          *registry.Registry
	cfg          Config
	reactor      *engine.Reactor
	owned        bool // the reactor is this peer's own, and is closed with it
	client       bool // sends that name no conn go to Default
	hooked       bool // cfg has hooks that see every packet
	codec        codec.Msgpack
	spareBuffers []codec.Spares  // one for each loop, for the frames that its conns gather
	incomings    []freeIncomings // one for each loop
	counts       []loopCounts    // one for each loop, each for that loop only
	lifetime     context.Context // done from Close or Shutdown on, with the cause ErrClosed
	endLifetime  context.CancelCauseFunc
	unwatch      func() // ends registryChanged

	// For any goroutine.
	handlers      atomic.Pointer[handlers]
	use           atomic.Pointer[[]Middleware]                                                 // what Use was given; changed with mu held
	onPacket      atomic.Pointer[func(c *Conn, t *registry.Type, payload []byte, v any) error] // Config.OnPacket in that; nil: there is none
	epoch         atomic.Uint32                                                                // counts changes of handlers and of observed, and is raised after them
	ids           sharedIDs
	pubIDs        atomic.Pointer[ownPubIDs]
	data          atomic.Pointer[any]
	inside        atomic.Uint32                          // features that SendInside was called with
	observers     atomic.Pointer[[]*Observer]            // replaced as a whole, with mu held
	extensions    atomic.Pointer[map[Feature]*Extension] // the same
	schemes       atomic.Pointer[[]*Scheme]              // the same
	packets       packetLog
	admission     admission
	stats         stats
	unhandled     packetCounts
	differing     packetCounts
	logRates      throttle.Kinds  // one rate for each kind of line
	kept          sync.Map        // *PeerSlot to its value
	unopenedDials unopenedSockets // of dialled sockets; those of accepted ones are their listener's

	mu sync.Mutex

	// Guarded by mu.
	closed          bool
	nextID          uint64
	births          births                            // when ids were given out
	conns           connIndex                         // all that were opened
	actives         connOrder                         // those of conns whose handshake is complete
	mismatches      map[*Conn]*registry.MismatchError // of conns that are not made yet and whose names differ
	listeners       map[*engine.Listener]struct{}
	reconnectTimers map[*engine.Timer]struct{}
	updateDue       bool          // conns are about to be told what is new in the registry
	farewell        farewell      // what ShutdownWith or Drain was given
	draining        bool          // Drain was called
	noConns         chan struct{} // closed when there are no conns; nil until somebody waits for that

	// For the first loop only.
	updatesAfter time.Duration // when the next updates may be told, on the loop's clock
}

// newPeer panics on a nil registry: there is nothing that it could mean.
func newPeer(reg *registry.Registry, cfg *Config) *Peer {
	if reg == nil {
		panic("peer: nil registry")
	}
	p := &Peer{
		reg:       reg,
		cfg:       cfg.withDefaults(),
		listeners: make(map[*engine.Listener]struct{}),

		reconnectTimers: make(map[*engine.Timer]struct{}),
	}
	p.lifetime, p.endLifetime = context.WithCancelCause(context.Background())
	c := &p.cfg
	p.hooked = c.EncodedIn != nil || c.PacketIn != nil || c.PacketOut != nil || c.EncodedOut != nil
	p.reactor = c.Reactor
	if p.reactor == nil {
		p.owned = true
		ec := engine.Config{Logger: p.cfg.Logger}
		if p.cfg.Engine != nil {
			ec = *p.cfg.Engine
		}
		if ec.MaxPending == 0 {
			ec.MaxPending = max(engine.DefaultMaxPending, 2*c.MaxFrame)
		}
		p.reactor = engine.New(&ec)
	}
	p.spareBuffers = make([]codec.Spares, len(p.reactor.Loops()))
	p.codec.Limits = p.cfg.Payload
	p.admission.halfOpen, p.admission.halfOpenPerAddr = c.HalfOpen, c.HalfOpenPerAddr
	p.admission.perAddr, p.admission.rate = c.PerAddr, c.RatePerAddr
	p.incomings = make([]freeIncomings, len(p.reactor.Loops()))
	p.counts = make([]loopCounts, len(p.reactor.Loops()))
	p.handlers.Store(new(handlers))
	p.unwatch = reg.Watch(p.registryChanged)
	p.use.Store(new([]Middleware))
	if p.cfg.PacketLog > 0 {
		p.packets.set(p.cfg.PacketLog, true, true)
	}
	return p
}

// Registry is the peer's registry.
func (p *Peer) Registry() *registry.Registry {
	if p == nil {
		return nil
	}
	return p.reg
}

// Reactor is what runs the peer. Other peers can be given it in their Config,
// to be served on the same loops.
func (p *Peer) Reactor() *engine.Reactor {
	if p == nil {
		return nil
	}
	return p.reactor
}

// Lifetime is done from the Close or Shutdown of the peer on, with the cause ErrClosed. It is
// for packages that keep something beside the peer's conns, which has to end with it.
func (p *Peer) Lifetime() context.Context {
	if p.check() != nil {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(ErrNoPeer)
		return ctx
	}
	return p.lifetime
}

// SetData keeps v with the peer: what its handlers and hooks work on.
func (p *Peer) SetData(v any) {
	if p != nil {
		p.data.Store(&v)
	}
}

// Data is what SetData was given last, or nil.
func (p *Peer) Data() any {
	if p == nil {
		return nil
	}
	if v := p.data.Load(); v != nil {
		return *v
	}
	return nil
}

// Run runs the reactor until it is stopped, shut down or closed.
func (p *Peer) Run() error {
	if err := p.check(); err != nil {
		return err
	}
	return p.reactor.Run()
}

// RunAsync starts the reactor and returns.
func (p *Peer) RunAsync() error {
	if err := p.check(); err != nil {
		return err
	}
	return p.reactor.RunAsync()
}

// Poll is Reactor.Poll, for a program with a main loop of its own: it runs what is
// due on the calling goroutine. The reactor needs engine.Config.OnCaller.
func (p *Peer) Poll(ctx context.Context) (more bool, err error) {
	if err := p.check(); err != nil {
		return false, err
	}
	return p.reactor.Poll(ctx)
}

// Stop stops the reactor: all traffic of all its peers stands still, and no
// conn is closed, until it runs again. On the loop, the packet being handled is
// the last one.
func (p *Peer) Stop() error {
	if err := p.check(); err != nil {
		return err
	}
	return p.reactor.Stop()
}
