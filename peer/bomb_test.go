package peer

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"runtime"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
	"github.com/vmihailenco/msgpack/v5"
)

// What bombs are thrown at: one packet type each.
type (
	small struct {
		N int `msgpack:"n"`
	}
	kept struct { // parts that stay encoded
		V msgpack.RawMessage
		R codec.Raw
		X codec.Ext
	}
	chain struct { // refers to itself in every way
		N    int
		Next *chain
		Kids []chain
		Refs []*chain
		Dict map[string]chain
		Any  any
		R    codec.Raw
	}
	dated struct {
		T time.Time
		P *time.Time
	}
	anyKeyed struct{ M map[any]any }
	kib      struct{ X [128]int64 }
	own      struct{ X [1024]byte }
)

// DecodeMsgpack takes anything, a nil of one byte too.
func (o *own) DecodeMsgpack(d *msgpack.Decoder) error { return d.Skip() }

// Ids of the targets.
const (
	idAny = 20 + iota
	idSmall
	idKept
	idChain
	idDated
	idMixed
	idKibs
	idKibPtrs
	idKibDict
	idOwn
)

// addTargets registers the targets, and has handle told what arrives for them.
func addTargets(s *side, server func() *Server, handle func(c *Conn) error) *Server {
	anything, err := s.reg.AddObject("bomb:any", idAny, nil)
	if err != nil {
		panic(err)
	}
	later := []func(h Host){func(h Host) { h.Untyped().Handle(anything, func(c *Conn, _ any) error { return handle(c) }) }}
	addTarget[small](s, "small", idSmall, &later, handle)
	addTarget[kept](s, "kept", idKept, &later, handle)
	addTarget[chain](s, "chain", idChain, &later, handle)
	addTarget[dated](s, "dated", idDated, &later, handle)
	addTarget[anyKeyed](s, "mixed", idMixed, &later, handle)
	addTarget[[]kib](s, "kibs", idKibs, &later, handle)
	addTarget[[]*kib](s, "kibptrs", idKibPtrs, &later, handle)
	addTarget[map[int]kib](s, "kibdict", idKibDict, &later, handle)
	addTarget[[]*own](s, "own", idOwn, &later, handle)
	p := server()
	for _, f := range later {
		f(p)
	}
	return p
}

func addTarget[T any](s *side, name string, id int, later *[]func(Host), handle func(c *Conn) error) {
	p := registry.MustAdd[T](s.reg, "bomb:"+name, id)
	*later = append(*later, func(h Host) { Handle(h, p, func(c *Conn, _ *T) error { return handle(c) }) })
}

// bomb is a packet that must be refused.
type bomb struct {
	name    string
	id      uint16
	payload []byte
}

// bombs are payloads that kill msgpack/v5, or make it take memory out of all
// proportion, in every place where they are decoded differently. The large ones
// are of about size bytes.
func bombs(size int) (all []bomb) {
	// Each head declares as much as there are bytes after it.
	heads := make([]byte, min(size, 5000))
	for i := 0; i+3 <= len(heads); i += 3 {
		heads[i] = 0xdc
		binary.BigEndian.PutUint16(heads[i+1:], uint16(len(heads)-i-3))
	}
	for name, b := range map[string][]byte{
		"array of 4 G":   []byte("\xdd\xff\xff\xff\xff"),
		"map of 4 G":     []byte("\xdf\xff\xff\xff\xff"),
		"str of 4 GiB":   []byte("\xdb\xff\xff\xff\xff"),
		"bin of 4 GiB":   []byte("\xc6\xff\xff\xff\xff"),
		"ext of 4 GiB":   []byte("\xc9\xff\xff\xff\xff\x01"),
		"nested arrays":  bytes.Repeat([]byte{0x91}, size),
		"nested maps":    bytes.Repeat([]byte{0x81, 0x01}, size/2),
		"nested heads":   heads,
		"whole nesting":  append(bytes.Repeat([]byte{0x91}, size-1), 0xc0),
		"array as key":   []byte("\x81\x91\x01\x01"),
		"map as key":     []byte("\x81\x81\x01\x01\x01"),
		"ext as key":     []byte("\x81\xd4\x01\x01\x01"),
		"time as key":    []byte("\x81\xd6\xff\x00\x00\x00\x01\x01"),
		"cut off array":  []byte("\x92\x01"),
		"cut off map":    []byte("\x82\x01\x01"),
		"cut off number": []byte("\xcf\x01"),
		"reserved code":  []byte("\xc1"),
	} {
		for place, in := range map[string]struct {
			id    uint16
			front string
		}{
			"any":                        {idAny, ""},
			"list in any":                {idAny, "\x91"},
			"map in any":                 {idAny, "\x81\x01"},
			"unknown field":              {idSmall, "\x81\xa1z"},
			"number field":               {idSmall, "\x81\xa1n"},
			"RawMessage":                 {idKept, "\x81\xa1V"},
			"Raw":                        {idKept, "\x81\xa1R"},
			"Ext":                        {idKept, "\x81\xa1X"},
			"struct in itself":           {idChain, "\x81\xa4Next\x81\xa4Next"},
			"list of structs in itself":  {idChain, "\x81\xa4Next\x81\xa4Kids"},
			"list of pointers in itself": {idChain, "\x81\xa4Kids\x91\x81\xa4Refs"},
			"map in itself":              {idChain, "\x81\xa4Next\x81\xa4Dict"},
			"any in itself":              {idChain, "\x81\xa4Next\x81\xa3Any"},
			"Raw in itself":              {idChain, "\x81\xa4Kids\x91\x81\xa1R"},
			"time":                       {idDated, "\x81\xa1T"},
			"mixed map":                  {idMixed, "\x81\xa1M"},
			"list of 1 KiB":              {idKibs, ""},
			"map of 1 KiB":               {idKibDict, ""},
		} {
			all = append(all, bomb{name + " in " + place, in.id, append([]byte(in.front), b...)})
		}
	}

	// Sound, and small until decoded.
	n := min(60000, size)
	list := func(element string) []byte {
		return append(codec.AppendArrayHeader(nil, n), strings.Repeat(element, n)...)
	}
	dict := codec.AppendMapHeader(nil, n/2)
	for i := range n / 2 {
		dict = append(codec.AppendUint(dict, uint64(i)), 0xc0)
	}
	all = append(all,
		bomb{"text as a time", idDated, []byte("\x81\xa1T\xa1x")},
		bomb{"too many elements", idAny, append(codec.AppendArrayHeader(nil, 65537), make([]byte, 65537)...)},
		bomb{"nil for 1 KiB", idKibs, list("\xc0")},
		bomb{"empty array for 1 KiB", idKibs, list("\x90")},
		bomb{"empty map for 1 KiB", idKibs, list("\x80")},
		bomb{"empty map for a pointer to 1 KiB", idKibPtrs, list("\x80")},
		bomb{"pair for 1 KiB", idKibDict, dict},
		bomb{"number for a pointer to 1 KiB that decodes itself", idOwn, list("\x01")},
		bomb{"lists of lists of 1 KiB", idChain, append([]byte("\x81\xa4Kids"), list("\x81\xa4Kids\x91\xc0")...)},
	)
	sort.Slice(all, func(i, j int) bool { return all[i].name < all[j].name })
	return all
}

// errorsOnly tells of everything that is logged as an error, as panics are.
type errorsOnly struct {
	slog.Handler
	tell func(slog.Record)
}

func (errorsOnly) Enabled(_ context.Context, l slog.Level) bool    { return l >= slog.LevelError }
func (h errorsOnly) Handle(_ context.Context, r slog.Record) error { h.tell(r); return nil }
func (h errorsOnly) WithAttrs([]slog.Attr) slog.Handler            { return h }
func (h errorsOnly) WithGroup(string) slog.Handler                 { return h }

// bombRange is a server with all targets, and a conn that goes on through all
// that happens to others.
type bombRange struct {
	s         *side
	dial      func() *wire
	handled   chan struct{}
	bystander *wire
}

func newBombRange(t *testing.T) *bombRange {
	r := &bombRange{s: newSide(false, 17, 18), handled: make(chan struct{}, 10)}
	s := r.s
	s.cfg.MaxFrame = 4 << 20
	s.cfg.NoExtensions = true
	s.cfg.Logger = slog.New(errorsOnly{tell: func(l slog.Record) { t.Errorf("logged: %s", l.Message) }})
	server := addTargets(s, func() *Server { return NewServer(s.reg, &s.cfg) }, func(*Conn) error {
		r.handled <- struct{}{}
		return nil
	})
	pong := s.pong.In(s.reg)
	server.Untyped().HandleRaw("test:ping", func(c *Conn, b []byte) error { return c.ReplyRaw(pong, b) })
	ln := open(t, server)
	r.dial = func() *wire {
		w := dialTo(t, ln)
		w.shakeWith(initMsg{version: 1})
		s.next(t, "made")
		return w
	}
	r.bystander = r.dial()
	return r
}

// exchange has the bystander send a packet and get it back.
func (r *bombRange) exchange(t *testing.T, n int) {
	t.Helper()
	r.bystander.SetDeadline(time.Now().Add(patience))
	payload := codec.AppendUint(nil, uint64(n))
	r.bystander.send(17, payload)
	if f := r.bystander.expect(18); !bytes.Equal(f.Payload(), payload) {
		t.Fatalf("the bystander gets %x back, want %x", f.Payload(), payload)
	}
}

// took is what the process allocates while f runs, in bytes.
func took(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

const allowance = 16<<20 + 4<<20 // what a bomb may have the server allocate, in bytes: the budget, and its frame

// Every bomb is refused with its reason and at a bounded price, ends the conn
// that it came on, and disturbs no other.
func TestBombsOverTCP(t *testing.T) {
	r := newBombRange(t)
	var most uint64
	var worst string
	for i, b := range bombs(2 << 20) {
		r.exchange(t, 2*i)
		w := r.dial()
		frame := codec.AppendFrame(nil, b.id, b.payload)
		var told Reason
		n := took(func() {
			w.Write(frame) // an error is that it was refused before it was all there
			told = w.quitReason()
		})
		if told != ReasonPayload {
			t.Errorf("%s: the other side is told %v", b.name, told)
		}
		e := r.s.next(t, "lost")
		var fault *Fault
		if !errors.As(e.reason, &fault) || fault.Reason != ReasonPayload {
			t.Errorf("%s: lost because of %v", b.name, e.reason)
		}
		var panicked *engine.PanicError
		var decode *codec.CodecError
		if errors.As(e.reason, &panicked) || errors.As(e.reason, &decode) && decode.Value != nil {
			t.Errorf("%s: panicked: %v", b.name, e.reason)
		}
		if n >= allowance {
			t.Errorf("%s: %d bytes allocated", b.name, n)
		}
		if n > most {
			most, worst = n, b.name
		}
		w.Close()
		r.exchange(t, 2*i+1)
	}
	t.Logf("at most %d KiB, for %s", most>>10, worst)
	nothing(t, "handled bomb", r.handled)
	nothing(t, "event", r.s.events)
}

// What the budget just lets through takes no more than the budget; one element
// more is refused.
func TestBudgetOverTCP(t *testing.T) {
	r := newBombRange(t)
	for name, test := range map[string]struct {
		id      uint16
		into    func() any
		element string
	}{
		"nil for 1 KiB":                                     {idKibs, func() any { return new([]kib) }, "\xc0"},
		"empty map for a pointer to 1 KiB":                  {idKibPtrs, func() any { return new([]*kib) }, "\x80"},
		"number for a pointer to 1 KiB that decodes itself": {idOwn, func() any { return new([]*own) }, "\x01"},
	} {
		t.Run(name, func(t *testing.T) {
			var m codec.Msgpack
			list := func(n int) []byte {
				return append(codec.AppendArrayHeader(nil, n), strings.Repeat(test.element, n)...)
			}
			n := sort.Search(65536, func(n int) bool { return errors.Is(m.Decode(list(n), test.into()), codec.ErrBudget) })
			if n < 1000 || n > 16<<10 {
				t.Fatalf("%d elements are the first to be refused", n)
			}
			w := r.dial()
			most, more := codec.AppendFrame(nil, test.id, list(n-1)), codec.AppendFrame(nil, test.id, list(n))
			if n := took(func() { w.Write(most); wait(t, "packet", r.handled) }); n > allowance {
				t.Errorf("%d bytes allocated", n)
			}
			w.Write(more)
			if told := w.quitReason(); told != ReasonPayload {
				t.Errorf("told %v", told)
			}
			if e := r.s.next(t, "lost"); !errors.Is(e.reason, codec.ErrBudget) {
				t.Errorf("lost because of %v", e.reason)
			}
			r.exchange(t, n)
		})
	}
}
