package peer

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

const elsewhere = "tcp://g2:7000"

// softquitFrame is the frame that tells a.
func softquitFrame(a Advice) []byte {
	return codec.AppendFrame(nil, registry.IDSoftquit, a.appendSoftquit(nil))
}

// The bytes that PROTOCOL.md shows.
func TestAdviceBytes(t *testing.T) {
	for want, a := range map[string]Advice{
		"0000001a000181a6726561736f6eaf726561736f6e2e73687574646f776e": {Reason: ReasonShutdown},
		"00000034000183a6726561736f6eaf726561736f6e2e73687574646f776ea2746fad7463703a2f2f67323a37303030a56166746572cd0bb8": {
			Reason: ReasonShutdown, To: elsewhere, After: 3 * time.Second},
		"00000020000182a6726561736f6eaf726561736f6e2e73687574646f776ea46261636bc2": {Reason: ReasonShutdown, Comeback: ComebackNever},
	} {
		if got := softquitFrame(a); !bytes.Equal(got, unhex(want)) {
			t.Errorf("%+v is %x", a, got)
		}
	}
}

// The longest advice fits into what a side takes.
func TestTheLongestAdviceFits(t *testing.T) {
	a := Advice{Reason: Reason(strings.Repeat("x", 2*maxReason)), Comeback: ComebackLater, To: "tcp://" + strings.Repeat("g", MaxTo-11) + ":7000", After: math.MaxInt64}
	a, err := a.checked()
	if err != nil || len(a.To) != MaxTo || a.After != MaxAfter {
		t.Fatalf("%v, %v", a, err)
	}
	if n := len(a.appendSoftquit(nil)); n > maxSoftquitPayload {
		t.Errorf("%d bytes, at most %d are taken", n, maxSoftquitPayload)
	}
}

func TestAddressesThatCanBeAdvised(t *testing.T) {
	for _, to := range []string{"tcp://g2:7000", "tls://g2.example.org:443", "tcp://10.0.0.1:1", "tls://[2001:db8::1]:65535", "unix:///run/game",
		"ws://g2:80/game?x=1", "wss://g2.example.org/game", "wss://[::1]:443"} {
		if _, err := (Advice{To: to}).checked(); err != nil {
			t.Errorf("%s: %v", to, err)
		}
	}
	for _, to := range []string{
		"g2:7000", "tcp4://g2:7000", "any://g2:7000", "WS://g2:7000", "w-s://g2", "://g2:7000", "ws://", "ws:///game", "ws://a@b", "ws://g2:x/game", "tcp://g2", "tcp://:7000", "tcp://g2:0", "tcp://g2:65536", "tcp://g2:http", "tcp://",
		"unix://run/game", "unix://@game", "unix://", "tcp://g 2:7000", "tcp://g2:7000\n", "tcp://gé:7000", "tcp://" + strings.Repeat("g", MaxTo) + ":7000", "tcp://g2:-1", "tcp://g2:+7",
	} {
		var wrong *AddressError
		if _, err := (Advice{To: to}).checked(); !errors.As(err, &wrong) || len(wrong.Address) > MaxTo {
			t.Errorf("%q: %v", to, err)
		}
		b := Advice{Reason: ReasonShutdown, To: to, After: time.Second}.appendSoftquit(nil)
		if _, err := parseSoftquit(b); err != nil {
			t.Errorf("%q: %v", to, err)
		}
		if a := parseAdvice(b); a.To != "" || a.After != time.Second {
			t.Errorf("%q was taken: %+v", to, a)
		}
	}
}

// A value of another form counts as missing, and the others count all the same.
func TestAdviceOfOtherForms(t *testing.T) {
	reason := "a6726561736f6e a1 78 "
	for hex, want := range map[string]Advice{
		"81" + reason:                                           {},
		"82" + reason + "a46261636b c3":                         {Comeback: ComebackLater},
		"82" + reason + "a46261636b c2":                         {Comeback: ComebackNever},
		"82" + reason + "a46261636b 01":                         {},
		"82" + reason + "a5616674657 2 05":                      {After: 5 * time.Millisecond},
		"82" + reason + "a561667465 72 ff":                      {},
		"82" + reason + "a561667465 72 a131":                    {},
		"82" + reason + "a5616674 6572 cf7fffffffffffffff":      {After: MaxAfter},
		"82" + reason + "a2746f 2a":                             {},
		"82" + reason + "a2746f c40d7463703a2f2f67323a37303030": {To: elsewhere},
		"84" + reason + "a2746f ad7463703a2f2f67323a37303030 a46261636b c2 a56166746572 05": {Comeback: ComebackNever},
	} {
		b := unhex(strings.ReplaceAll(hex, " ", ""))
		if m, err := parseSoftquit(b); err != nil || m.reason != "x" {
			t.Errorf("%s: %v, %v", hex, m, err)
		}
		if got := parseAdvice(b); got != want {
			t.Errorf("%s: %+v, want %+v", hex, got, want)
		}
	}
}

func FuzzAdvice(f *testing.F) {
	f.Add(Advice{Reason: ReasonShutdown, To: elsewhere, After: time.Second}.appendSoftquit(nil))
	f.Add(Advice{Comeback: ComebackNever}.appendSoftquit(nil))
	f.Add(unhex("82a6726561736f6ea178a2746f2a"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := parseSoftquit(b); err != nil {
			return
		}
		a := parseAdvice(b)
		checked, err := a.checked()
		if err != nil || checked != a {
			t.Errorf("%+v could not be sent: %+v, %v", a, checked, err)
		}
		if again := parseAdvice(a.appendSoftquit(nil)); again != a {
			t.Errorf("%+v became %+v", a, again)
		}
	})
}

func TestAdviceIsToldToOnLost(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		sc, cc := w.handshake(t)
		if err := sc.SoftquitWith(Advice{Reason: "reason.full", To: "g2:7000"}); err == nil {
			t.Error("an address without a network was advised")
		}
		if sc.State() != Active {
			t.Error("a refused SoftquitWith has ended the conn")
		}
		if err := sc.SoftquitWith(Advice{Reason: "reason.full", To: elsewhere, After: 1500 * time.Millisecond}); err != nil {
			t.Fatal(err)
		}
		reason := w.c.next(t, "lost").reason
		a := AdviceOf(reason)
		if a == nil || a.Reason != "reason.full" || a.To != elsewhere || a.After != 1500*time.Millisecond || a.Comeback != ComebackUnsaid {
			t.Fatalf("the client was told %#v", reason)
		}
		if !errors.Is(reason, Reason("reason.full")) || ComebackAfter(reason) != ComebackElsewhere {
			t.Errorf("the reason is %v", reason)
		}
		if want := "reason.full (come back to tcp://g2:7000 after 1.5s)"; reason.Error() != want {
			t.Errorf("the reason reads %q", reason)
		}
		if e := w.s.next(t, "lost"); e.reason != Reason("reason.full") {
			t.Errorf("the server was told %v", e.reason)
		}
		if n := cc.Peer().Stats().Lost["other"]; n != 1 {
			t.Errorf("counted %d times", n)
		}
	})
}

// Without advice OnLost is told the bare Reason, as ever; and a side with NoExtensions sends none.
func TestNoAdviceNoChange(t *testing.T) {
	for name, advice := range map[string]Advice{"none": {}, "no extensions": {To: elsewhere, Comeback: ComebackLater, After: time.Minute}} {
		t.Run(name, func(t *testing.T) {
			s, c := newSide(false, 17, 18), newSide(true, 40, 41)
			s.cfg.NoExtensions = name != "none"
			w := overMemory(false)(t, s, c)
			sc, _ := w.handshake(t)
			advice.Reason = ReasonShutdown
			if err := sc.SoftquitWith(advice); err != nil {
				t.Fatal(err)
			}
			if e := c.next(t, "lost"); e.reason != ReasonShutdown {
				t.Errorf("told %#v", e.reason)
			}
		})
	}
}
