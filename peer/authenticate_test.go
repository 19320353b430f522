package peer

import (
	"bytes"
	"cmp"
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
)

// shown is what an Authenticate was called with.
type shown struct {
	conn  *Conn
	state State
	cred  Credentials
	send  error // of a send from the hook
}

var errBroken = errors.New("broken on purpose")

// showing has a side note what it is shown, and answer with err.
func showing(s *side, err error) <-chan shown {
	ch := make(chan shown, 10)
	s.cfg.Authenticate = func(c *Conn, cred Credentials) error {
		ch <- shown{c, c.State(), cred, Send(c, s.pong, &note{})}
		return err
	}
	return ch
}

func token(b []byte) func(*Conn) []byte { return func(*Conn) []byte { return b } }

func TestAuthenticate(t *testing.T) {
	long := bytes.Repeat([]byte{7}, MaxToken)
	for name, tok := range map[string][]byte{"none": nil, "empty": {}, "short": []byte("secret"), "longest": long} {
		t.Run(name, func(t *testing.T) {
			var at <-chan shown
			setUp := func(s, c *side) {
				at = showing(s, nil)
				c.cfg.Token = token(tok)
			}
			everywhere(t, setUp, func(t *testing.T, w *world) {
				sc, cc := w.handshake(t)
				pings := inbox(t, w.server, w.s.ping, 1)
				for range 50 { // over whatever the token was read from
					Send(cc, w.c.ping, &note{0, strings.Repeat("x", MaxToken)})
					wait(t, "ping", pings)
				}
				got := wait(t, "call", at)
				if got.conn != sc || got.state != IDCheck || !errors.Is(got.send, ErrNotActive) {
					t.Errorf("called with %v in state %v, where a send returned %v", got.conn, got.state, got.send)
				}
				if !bytes.Equal(got.cred.Token, tok) || (got.cred.Token == nil) != (tok == nil) {
					t.Errorf("the token is %x, want %x", got.cred.Token, tok)
				}
				if got.cred.TLS != sc.TLS() || got.cred.Unix != sc.UnixCred() {
					t.Errorf("got %+v", got.cred)
				}
				if (sc.TLS() != nil) != (cc.TLS() != nil) {
					t.Error("TLS on one side")
				}
				nothing(t, "second call", at)
			})
		})
	}
}

func TestBothSidesAuthenticate(t *testing.T) {
	var bySc, byCc <-chan shown
	setUp := func(s, c *side) {
		bySc, byCc = showing(s, nil), showing(c, nil)
		s.cfg.Token, c.cfg.Token = token([]byte("the server")), token([]byte("the client"))
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		w.handshake(t)
		if got := wait(t, "call", bySc); string(got.cred.Token) != "the client" {
			t.Errorf("the server was shown %q", got.cred.Token)
		}
		if got := wait(t, "call", byCc); string(got.cred.Token) != "the server" {
			t.Errorf("the client was shown %q", got.cred.Token)
		}
	})
}

func TestDenied(t *testing.T) {
	wrong := errors.New("wrong password for alice")
	var at <-chan shown
	setUp := func(s, c *side) {
		at = showing(s, wrong)
		c.cfg.Token = token([]byte("guess"))
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		if _, err := w.connect(t.Context()); !errors.Is(err, ReasonDenied) {
			t.Errorf("Connect returned %v", err)
		}
		wait(t, "call", at)
		var fault *Fault
		if e := w.s.next(t, "lost"); !errors.As(e.reason, &fault) || fault.Reason != ReasonDenied || fault.Err != wrong {
			t.Errorf("the server lost it because of %v", e.reason)
		}
		for {
			e := wait(t, "loss", w.c.events)
			if e.what == "lost" {
				if e.reason != ReasonDenied { // and so without the error
					t.Errorf("the client lost it because of %#v", e.reason)
				}
				break
			}
		}
		if s := w.server.Stats(); s.Made != 0 || s.Lost[string(ReasonDenied)] != 1 {
			t.Errorf("counted %+v", s)
		}
	})
}

func TestAuthenticateThatFails(t *testing.T) {
	for name, test := range map[string]struct {
		hook func(c *Conn, cred Credentials) error
		want error
	}{
		"panic":    {func(*Conn, Credentials) error { panic("in Authenticate") }, ReasonHandler},
		"softquit": {func(c *Conn, _ Credentials) error { return c.Softquit("reason.later") }, Reason("reason.later")},
		"abort":    {func(c *Conn, _ Credentials) error { c.Abort(errBroken); return nil }, nil},
		"a reason": {func(*Conn, Credentials) error { return Reason("reason.secret") }, ReasonDenied},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(s, c *side) { s.cfg.Authenticate = test.hook }, func(t *testing.T, w *world) {
				_, err := w.connect(t.Context())
				if err == nil || test.want != nil && !errors.Is(err, test.want) {
					t.Errorf("Connect returned %v, want %v", err, test.want)
				}
				want := cmp.Or(test.want, errBroken)
				if e := w.s.next(t, "lost"); !errors.Is(e.reason, want) {
					t.Errorf("the server lost it because of %v", e.reason)
				}
			})
		})
	}
}

func TestAuthenticateWithoutAHandshake(t *testing.T) {
	wrong := errors.New("wrong")
	for name, err := range map[string]error{"accepted": nil, "denied": wrong} {
		t.Run(name, func(t *testing.T) {
			var at <-chan shown
			setUp := func(s, c *side) {
				at = showing(s, err)
				c.cfg.Token = token([]byte("not shown"))
				s.cfg.SkipHandshake, c.cfg.SkipHandshake = true, true
			}
			everywhere(t, setUp, func(t *testing.T, w *world) {
				w.connect(t.Context())
				if got := wait(t, "call", at); got.cred.Token != nil || !errors.Is(got.send, ErrNotActive) {
					t.Errorf("got %+v", got)
				}
				if err == nil {
					w.s.next(t, "made")
					return
				}
				if e := w.s.next(t, "lost"); !errors.Is(e.reason, wrong) {
					t.Errorf("the server lost it because of %v", e.reason)
				}
			})
		})
	}
}

// A token goes only to those who ask, and a side that asks for nothing sends
// the same bytes as ever.
func TestTokenIsForThoseWhoAsk(t *testing.T) {
	for name, test := range map[string]struct {
		setUp func(s, c *side)
		shown bool
	}{
		"asked":                    {func(s, c *side) { showing(s, nil) }, true},
		"not asked":                {func(s, c *side) {}, false},
		"asked without extensions": {func(s, c *side) { showing(s, nil); s.cfg.NoExtensions = true }, false},
		"told without extensions":  {func(s, c *side) { showing(s, nil); c.cfg.NoExtensions = true }, false},
	} {
		t.Run(name, func(t *testing.T) {
			var sent *recorder
			setUp := func(s, c *side) {
				sent = new(recorder)
				c.cfg.Token = token([]byte("secret"))
				c.cfg.Wrap = func(_ *Conn, inner engine.Transport) engine.Transport {
					sent.Transport = inner
					return sent
				}
				test.setUp(s, c)
			}
			everywhere(t, setUp, func(t *testing.T, w *world) {
				w.handshake(t)
				out := sent.String()
				if strings.Contains(out, "secret") != test.shown {
					t.Errorf("sent %q", out)
				}
				if strings.Contains(out, keyToken) != test.shown {
					t.Errorf("sent %q", out)
				}
			})
		})
	}
}

// recorder is a transport that keeps what is written.
type recorder struct {
	engine.Transport
	logbook
}

func (r *recorder) Write(b *engine.Buffer) error {
	r.logbook.Write(b.B)
	return r.Transport.Write(b)
}

func TestTokenTooLong(t *testing.T) {
	var at <-chan shown
	setUp := func(s, c *side) {
		at = showing(s, nil)
		c.cfg.Token = token(make([]byte, MaxToken+1))
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		var size *codec.SizeError
		if _, err := w.connect(t.Context()); !errors.As(err, &size) || size.Max != MaxToken {
			t.Errorf("Connect returned %v", err)
		}
		w.s.next(t, "lost")
		nothing(t, "call", at)
	})
}

// internals registers an internal packet of the program's own, 5, and collects
// its payloads.
func internals(t *testing.T, server *Server) <-chan string {
	t.Helper()
	typ, err := server.Registry().AddInternal("packetmq:early", 5, nil)
	if err != nil {
		t.Fatal(err)
	}
	ch := make(chan string, 1)
	server.Untyped().HandleRaw(typ, func(_ *Conn, b []byte) error { ch <- string(b); return nil })
	return ch
}

// What the asking side sends, and takes, byte by byte; the other side is one
// that knows no tokens.
func TestAuthenticateOnTheWire(t *testing.T) {
	denied := errors.New("denied")
	pubids := pubIDsMsg{adapt: true}
	with := func(tok []byte) pubIDsMsg { return pubIDsMsg{adapt: true, token: tok} }
	for name, test := range map[string]struct {
		pubids pubIDsMsg
		err    error
		want   Reason // empty: active
		shown  []byte
		calls  int
	}{
		"an original, let in":   {pubids, nil, "", nil, 1},
		"an original, sent off": {pubids, denied, ReasonDenied, nil, 1},
		"a token":               {with([]byte("tok")), nil, "", []byte("tok"), 1},
		"a token, sent off":     {with([]byte("tok")), denied, ReasonDenied, []byte("tok"), 1},
		"too long":              {with(make([]byte, MaxToken+1)), nil, ReasonPayload, nil, 0},
		"same policy":           {pubIDsMsg{token: []byte("tok")}, nil, ReasonSameAdaptivePolicy, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSide(false, 17, 18)
			at := showing(s, test.err)
			server := NewServer(s.reg, &s.cfg)
			pings, earlies := inbox(t, server, s.ping, 1), internals(t, server)
			ln := open(t, server)
			w := dialTo(t, ln)
			init := w.expect(0)
			if m, err := parseInit(init.Payload()); err != nil || !m.auth {
				t.Errorf("init is %x", []byte(init))
			}
			// All of it at once, a packet after it.
			in := codec.AppendFrame(nil, 0, initMsg{version: 1}.append(nil))
			in = codec.AppendFrame(in, 2, test.pubids.append(nil))
			in = codec.AppendFrame(in, 3, []byte{0xc0})
			b, _ := new(codec.Msgpack).Append(nil, note{1, "x"})
			in = codec.AppendFrame(in, 17, b)
			in = codec.AppendFrame(in, 5, b)
			if _, err := w.Write(in); err != nil {
				t.Fatal(err)
			}
			if m, err := parsePubIDs(w.expect(2).Payload(), true); err != nil || m.token != nil {
				t.Errorf("pubids has a token: %q, %v", m.token, err)
			}
			if test.want == "" {
				w.expect(3)
				wait(t, "packet", pings)
				wait(t, "packet", earlies)
			} else if reason := w.quitReason(); reason != test.want {
				t.Errorf("refused with %s, want %s", reason, test.want)
			}
			if len(at) != test.calls {
				t.Fatalf("%d calls", len(at))
			}
			if test.calls > 0 {
				if got := wait(t, "call", at); !bytes.Equal(got.cred.Token, test.shown) {
					t.Errorf("shown %q", got.cred.Token)
				}
			}
			nothing(t, "packet", pings)
			nothing(t, "internal packet", earlies)
		})
	}
}

// Without a hook internal packets of a program's own are handled in any state;
// with one nothing is before it was asked.
func TestNothingIsHandledBeforeAuthenticate(t *testing.T) {
	for _, guarded := range []bool{false, true} {
		s := newSide(false, 17, 18)
		if guarded {
			showing(s, nil)
		}
		server := NewServer(s.reg, &s.cfg)
		earlies := internals(t, server)
		ln := open(t, server)
		w := dialTo(t, ln)
		w.expect(0)
		b, _ := new(codec.Msgpack).Append(nil, note{1, "x"})
		w.send(5, b)
		if !guarded {
			wait(t, "packet", earlies)
			continue
		}
		if reason := w.quitReason(); reason != ReasonProtocol {
			t.Errorf("refused with %s", reason)
		}
		nothing(t, "packet", earlies)
	}
}

func TestUnixCred(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("checked on Linux only")
	}
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	at := showing(s, nil)
	w := transports["unix"](t, s, c)
	sc, cc := w.handshake(t)
	want := UnixCred{PID: os.Getpid(), UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}
	for name, cred := range map[string]*UnixCred{"hook": wait(t, "call", at).cred.Unix, "conn": sc.UnixCred()} {
		if cred == nil || *cred != want {
			t.Errorf("%s: %+v, want %+v", name, cred, want)
		}
	}
	if cc.UnixCred() != nil || sc.TLS() != nil {
		t.Error("more is known than could be")
	}
	cc.Softquit("reason.bye")
	s.next(t, "lost")
	if sc.UnixCred() == nil {
		t.Error("it is forgotten after the end")
	}
}
