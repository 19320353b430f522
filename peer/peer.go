package peer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"

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
	reg     *registry.Registry
	cfg     Config
	reactor *engine.Reactor
	owned   bool // the reactor is this peer's own
	client  bool // a conn that is not named has a default
	hooked  bool // cfg has hooks
	codec   codec.Msgpack
	share   throttle.Kinds // of the peer's lines in the log

	handlers    atomic.Pointer[handlers]
	lastAdapted atomic.Pointer[adaptation]
	lastRebased atomic.Pointer[adaptation]
	encodedIDs  atomic.Pointer[encodedIDs]
	packets     packetLog
	admission   admission
	stats       stats
	spares      []codec.Spares  // of each loop, for the frames that its conns gather
	shaking     sockets         // dialled ones, during their TLS handshake
	life        context.Context // done, with the cause ErrClosed, from Close or Shutdown on
	end         context.CancelCauseFunc
	unhandled   unhandled
	data        atomic.Pointer[any]

	mu      sync.Mutex
	closed  bool
	retries map[*engine.Timer]struct{} // after which a client tries again
	parting Reason                     // of ShutdownWith
	nextID  uint64
	conns   index
	actives order                             // of conns, those whose handshake is complete
	differ  map[*Conn]*registry.MismatchError // conns not made yet whose names differ
	lns     map[*engine.Listener]struct{}
	empty   chan struct{} // closed with the last conn, while shutting down
}

// encodedIDs is the payload of handshake_pubids for one state of the registry.
type encodedIDs struct {
	payload     []byte
	dropsOldest bool       // some packet's policy is DropOldest
	told        adaptation // what the other side knows, whatever is added or removed later
}

// newPeer panics on a nil registry: there is nothing that it could mean.
func newPeer(reg *registry.Registry, cfg *Config) *Peer {
	if reg == nil {
		panic("peer: nil registry")
	}
	p := &Peer{
		reg: reg,
		cfg: cfg.withDefaults(),
		lns: make(map[*engine.Listener]struct{}),

		retries: make(map[*engine.Timer]struct{}),
	}
	p.life, p.end = context.WithCancelCause(context.Background())
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
	p.spares = make([]codec.Spares, len(p.reactor.Loops()))
	p.codec.Limits = p.cfg.Limits
	p.admission.halfOpen, p.admission.halfOpenPerAddr = c.HalfOpen, c.HalfOpenPerAddr
	p.admission.perAddr, p.admission.rate = c.PerAddr, c.RatePerAddr
	p.handlers.Store(new(handlers))
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

// Close ends the peer and its conns at once; what waits is lost. A peer with a
// reactor of its own closes that, and returns when every callback has; else it
// returns at once.
func (p *Peer) Close() error {
	if err := p.check(); err != nil {
		return err
	}
	conns, lns := p.retire()
	if p.owned { // and the listeners with it
		return p.reactor.Close()
	}
	closed := closeAll(lns)
	abortAll(conns)
	return <-closed
}

// closeAll closes listeners at the same time, since one of the program's may hang. It
// brings what came of that, once.
func closeAll(lns []*engine.Listener) <-chan error {
	closed := make(chan error, 1)
	if len(lns) == 0 {
		closed <- nil
		return closed
	}
	errs := make([]error, len(lns))
	var closing sync.WaitGroup
	for i, ln := range lns {
		closing.Go(func() { errs[i] = ln.Close() })
	}
	go func() {
		closing.Wait()
		closed <- errors.Join(errs...)
	}()
	return closed
}

func abortAll(conns []*Conn) {
	for _, c := range conns {
		c.Abort(ErrClosed)
	}
}

// Shutdown ends the peer in order: it stops listening, softquits its conns with
// ReasonShutdown, waits until everything due has been sent and the other sides
// have closed, and then closes the peer. What is left when ctx is done, or
// after the reactor's Drain time if ctx has no deadline, is ended at once; the
// error says so. On a loop, with a reactor of its own, it returns at once; with a
// shared one it returns ErrOnLoop, and nothing has happened.
func (p *Peer) Shutdown(ctx context.Context) error {
	return p.ShutdownWith(ctx, string(ReasonShutdown))
}

// ShutdownWith is Shutdown with a reason of the program's: "reason.update", or
// when to come back. An empty one means ReasonShutdown. Of several calls the first
// one's counts.
func (p *Peer) ShutdownWith(ctx context.Context, reason string) error {
	if err := p.check(); err != nil {
		return err
	}
	if !p.owned && p.reactor.OnLoop() {
		return engine.ErrOnLoop
	}
	p.mu.Lock()
	p.parting = cmp.Or(p.parting, Reason(reason), ReasonShutdown)
	p.mu.Unlock()
	conns, lns := p.retire()
	if p.owned { // and the listeners with it
		return p.reactor.Shutdown(ctx)
	}
	closed := closeAll(lns)
	ctx, cancel := withTimeout(ctx, p.reactor.DrainTime())
	defer cancel()
	for _, c := range conns {
		c.Softquit(string(p.farewell()))
	}
	select {
	case <-p.whenEmpty():
	case <-p.reactor.Done():
		return nil
	case <-ctx.Done():
		conns, _ := p.retire()
		abortAll(conns)
		return ctx.Err()
	}
	select {
	case err := <-closed:
		return err
	case <-ctx.Done():
		return fmt.Errorf("peer: a listener does not close: %w", ctx.Err())
	}
}

// farewell is the reason that conns are ended with in a Shutdown, of this peer or of
// its reactor.
func (p *Peer) farewell() Reason {
	p.mu.Lock()
	defer p.mu.Unlock()
	return cmp.Or(p.parting, ReasonShutdown)
}

// retire takes no more conns, ends the attempts to make some, and returns those
// that there are by their ids.
func (p *Peer) retire() (conns []*Conn, lns []*engine.Listener) {
	p.end(ErrClosed)
	p.shaking.close()
	p.mu.Lock()
	p.closed = true
	for t := range p.retries {
		t.Stop()
	}
	clear(p.retries)
	conns = p.conns.all()
	for ln := range p.lns {
		lns = append(lns, ln)
	}
	p.mu.Unlock()
	slices.SortFunc(conns, func(a, b *Conn) int { return cmp.Compare(a.id, b.id) })
	return conns, lns
}

func (p *Peer) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

func (p *Peer) whenEmpty() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.empty == nil {
		p.empty = make(chan struct{})
		if p.conns.n == 0 {
			close(p.empty)
		}
	}
	return p.empty
}

// newConn makes a conn that is about to be opened.
func (p *Peer) newConn() (*Conn, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrClosed
	}
	p.nextID++
	return &Conn{peer: p, id: p.nextID}, nil
}

// enter takes a conn in that was opened.
func (p *Peer) enter(c *Conn) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	p.conns.add(c)
	return nil
}

// made enters a conn into the order of those that are active.
func (p *Peer) made(c *Conn) {
	p.stats.made()
	p.admission.settled(c.guest)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.actives.add(&p.conns, c)
	delete(p.differ, c)
}

// gone takes a conn that is being ended out of that order.
func (p *Peer) gone(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.actives.remove(&p.conns, c)
}

// remove forgets a conn whose transport is gone, which gone has taken out of the
// order before.
func (p *Peer) remove(c *Conn) {
	p.admission.left(c.guest)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns.remove(c.id)
	delete(p.differ, c)
	if p.empty != nil && p.conns.n == 0 {
		select {
		case <-p.empty:
		default:
			close(p.empty)
		}
	}
}

// expectRefusal keeps how the names of c's two sides differ until the other side
// refuses it for that, or makes it all the same.
func (p *Peer) expectRefusal(c *Conn, differ *registry.MismatchError) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.differ == nil {
		p.differ = make(map[*Conn]*registry.MismatchError)
	}
	p.differ[c] = differ
}

// refusal is what expectRefusal has kept, or nil.
func (p *Peer) refusal(c *Conn) *registry.MismatchError {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.differ[c]
}

// Conn finds a conn by its id; nil if there is none.
func (p *Peer) Conn(id uint64) *Conn {
	if p.check() != nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conns.get(id)
}

// Conns goes through the conns whose handshake is complete, in the order in
// which they were made, as they were when it began.
func (p *Peer) Conns() iter.Seq[*Conn] {
	if p.check() != nil {
		return func(func(*Conn) bool) {}
	}
	p.mu.Lock()
	conns := p.actives.all()
	p.mu.Unlock()
	return slices.Values(conns)
}

// NumConns is the number of conns whose handshake is complete.
func (p *Peer) NumConns() int {
	if p.check() != nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.actives.n
}

// Default is the conn that is meant where a client names none: the first
// connected one, and the next one still connected when that is lost. Nil if
// there is none.
func (p *Peer) Default() *Conn {
	if p.check() != nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.actives.head()
}

// Send is Conn.Send on the conn that to names: a *Conn, its number as an integer
// of any kind, the peer that it goes to in memory, or nil for the Default of a
// client. ErrNoConn means that there is no such conn.
func (p *Peer) Send(to, packet, v any) error {
	c, err := p.resolve(to)
	if err != nil {
		return err
	}
	return c.Send(packet, v)
}

// SendEncoded is Conn.SendEncoded on the conn that to names, as in Send.
func (p *Peer) SendEncoded(to any, raw []byte) error {
	c, err := p.resolve(to)
	if err != nil {
		return err
	}
	return c.SendEncoded(raw)
}

// RecvPacket is Conn.RecvPacket on the conn that from names, as in Send.
func (p *Peer) RecvPacket(from, packet, v any) error {
	c, err := p.resolve(from)
	if err != nil {
		return err
	}
	return c.RecvPacket(packet, v)
}

// RecvEncoded is Conn.RecvEncoded on the conn that from names, as in Send.
func (p *Peer) RecvEncoded(from any, raw []byte) error {
	c, err := p.resolve(from)
	if err != nil {
		return err
	}
	return c.RecvEncoded(raw)
}

// Softquit is Conn.Softquit on the conn that to names, as in Send.
func (p *Peer) Softquit(to any, reason string) error {
	c, err := p.resolve(to)
	if err != nil {
		return err
	}
	return c.Softquit(reason)
}

// Broadcast sends v as a packet, named like in Conn.Send, to every conn whose
// handshake is complete, except those named. The value is encoded once, unless
// hooks want to see it for every conn. Conns that are being ended are left out.
// It returns the first error, and goes on with the others.
func (p *Peer) Broadcast(packet, v any, except ...*Conn) error {
	if err := p.check(); err != nil {
		return err
	}
	t, err := p.reg.Lookup(packet)
	if err != nil {
		return err
	}
	send := func(c *Conn) error { return p.send(c, t, v) }
	if t.Hooks() == nil && p.cfg.PacketOut == nil {
		b := p.reactor.Buffers().Get()
		defer p.reactor.Buffers().Put(b)
		if b.B, err = p.marshal(b.B, t, v); err != nil {
			return err
		}
		send = func(c *Conn) error { return c.SendRaw(t, b.B) }
	}
	left := leftOut(except)
	for c := range p.Conns() {
		if c.State() != Active || left(c) {
			continue
		}
		if e := send(c); e != nil && err == nil {
			err = fmt.Errorf("%v: %w", c, e)
		}
	}
	return err
}

// rebased is what conns that were told the same share after a change of the
// registry.
func (p *Peer) rebased(told, base *registry.Table) *adaptation {
	for {
		last := p.lastRebased.Load()
		if last != nil && last.told == told && last.base == base {
			return last
		}
		a := &adaptation{told: told, base: base, table: base.Rebase(told.IDs())}
		if p.lastRebased.CompareAndSwap(last, a) {
			return a
		}
	}
}

// leftOut reports whether a conn is among some. Few are compared, many looked up.
func leftOut(conns []*Conn) func(*Conn) bool {
	const few = 8
	if len(conns) <= few {
		return func(c *Conn) bool { return slices.Contains(conns, c) }
	}
	set := make(map[*Conn]struct{}, len(conns))
	for _, c := range conns {
		set[c] = struct{}{}
	}
	return func(c *Conn) bool {
		_, ok := set[c]
		return ok
	}
}

// ownIDs is the payload of handshake_pubids, which is the same for all conns
// until the registry changes.
func (p *Peer) ownIDs(table *registry.Table) *encodedIDs {
	e := p.encodedIDs.Load()
	if e == nil || e.told.told != table {
		m := pubIDsMsg{adapt: p.reg.Adapts(), ids: table.IDs()}
		e = &encodedIDs{payload: m.append(nil), told: adaptation{table, table, table}}
		for _, id := range m.ids {
			e.dropsOldest = e.dropsOldest || table.Type(id.ID).Options().Overflow == registry.DropOldest
		}
		p.encodedIDs.Store(e)
	}
	return e
}

// observed reports whether something wants to see every packet.
func (p *Peer) observed() bool {
	return p.hooked || p.packets.on.Load()
}

// accept makes the conn for a socket, or refuses it.
func (p *Peer) accept(nc net.Conn) (*engine.Conn, engine.Handler) {
	c, err := p.newConn()
	if err == nil {
		c.guest, err = p.admit(nc)
	}
	if err != nil {
		p.refuse(nc.RemoteAddr(), err)
		return nil, nil
	}
	c.setOrigin(nc)
	return &c.link, c.session()
}

// admit lets nc in. If it has to make room before it is opened, it is closed.
func (p *Peer) admit(nc net.Conn) (*guest, error) {
	remote := nc.RemoteAddr()
	return p.admission.admit(p.life, remote, func(why error) {
		p.refuse(remote, why)
		nc.Close()
	})
}

// makeRoom ends a conn whose handshake is not complete.
func (c *Conn) makeRoom(why error) {
	c.peer.refuse(c.RemoteAddr(), why)
	c.Abort(why)
}

// inject opens c over nc, which is taken over in any case.
func (p *Peer) inject(c *Conn, nc net.Conn) error {
	c.setOrigin(nc)
	return p.reactor.Inject(nc, &c.link, c.session())
}

// refuse counts a socket that was not let in.
func (p *Peer) refuse(remote net.Addr, err error) {
	if errors.Is(err, ErrClosed) {
		return
	}
	p.stats.refused(err)
	p.say(slog.LevelWarn, "socket not let in", "remote", remote, "err", err)
}

// listen accepts conns at addr.
func (p *Peer) listen(addr string) (*engine.Listener, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	network, address, err := splitAddr(addr)
	if err != nil {
		return nil, err
	}
	if network == "tls" {
		return p.listenTLS(address)
	}
	return p.keep(p.reactor.Listen(network, address, p.accept))
}

// keep closes ln with the peer.
func (p *Peer) keep(ln *engine.Listener, err error) (*engine.Listener, error) {
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		go ln.Close()
		return nil, ErrClosed
	}
	for old := range p.lns {
		select {
		case <-old.Done():
			delete(p.lns, old)
		default:
		}
	}
	p.lns[ln] = struct{}{}
	return ln, nil
}
