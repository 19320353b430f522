package call

import (
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/peer"
)

// A packet that can be no call ends its conn with ReasonPayload and a typed error, is
// counted, and touches no other conn.
func TestMalformedCallsEndTheirConn(t *testing.T) {
	for name, test := range map[string]struct {
		answer  bool
		payload string
		want    error
	}{
		"nil":                        {false, "c0", ErrNoID},
		"no array":                   {false, "05", codec.ErrKind},
		"empty array":                {false, "90", ErrNoID},
		"two elements":               {false, "920105", codec.ErrKind},
		"four elements":              {false, "940105c0c0", codec.ErrKind},
		"id 0":                       {false, "9300cd03e8c0", ErrNoID},
		"id below 0":                 {false, "93ffcd03e8c0", codec.ErrRange},
		"id is text":                 {false, "93a131cd03e8c0", codec.ErrKind},
		"ms below 0":                 {false, "9301ffc0", codec.ErrRange},
		"body of another kind":       {false, "9301cd03e8a178", codec.ErrKind},
		"cut off":                    {false, "9301cd03e8", codec.ErrTruncated},
		"trailing":                   {false, "9301cd03e8c000", codec.ErrTrailing},
		"nothing":                    {false, "", codec.ErrEmpty},
		"cancels 0":                  {false, "9100", ErrNoID},
		"cancels, trailing":          {false, "910500", codec.ErrTrailing},
		"cancels text":               {false, "91a131", codec.ErrKind},
		"answer nil":                 {true, "c0", ErrNoID},
		"answer of two":              {true, "9201c0", codec.ErrKind},
		"answer to 0":                {true, "9300c0c0", ErrNoID},
		"error is text":              {true, "9301a178c0", codec.ErrKind},
		"error of two":               {true, "930192a178a178c0", codec.ErrKind},
		"answer, body of other kind": {true, "9301c0a178", codec.ErrKind},
	} {
		t.Run(name, func(t *testing.T) {
			payload, err := hex.DecodeString(test.payload)
			if err != nil {
				t.Fatal(err)
			}
			lost := make(chan error, 1)
			w := couple(t, func(w *world) {
				Handle(w.Server, double, doubles)
				HandleLater(w.Server, other, func(*Context, *ask, Answer[told]) {})
				Handle(w.Client, back, doubles)
			})
			// The server has handled an answer before, so that it handles those to come.
			if o := wait(t, "answer", goes(w.AtServer, back, &ask{})); o.err != nil {
				t.Fatal(o.err)
			}
			w.AtServer.OnLost(func(reason error) { lost <- reason })
			packet := double.Request().In(w.Client.Registry())
			if test.answer {
				packet = back.Answer().In(w.Client.Registry())
			}
			if err := w.AtClient.SendRaw(packet, payload); err != nil {
				t.Fatal(err)
			}
			reason := wait(t, "end", lost)
			var fault *peer.PayloadError
			if !errors.Is(reason, peer.ReasonPayload) || !errors.As(reason, &fault) || !errors.Is(reason, test.want) {
				t.Errorf("the conn ended with %v", reason)
			}
			if s := StatsOf(w.Server); s.Malformed != 1 {
				t.Errorf("counted %+v", s)
			}
		})
	}
}

// A request with the id of one that is under way ends the conn.
func TestARepeatedIDEndsTheConn(t *testing.T) {
	lost := make(chan error, 1)
	w := couple(t, func(w *world) { HandleLater(w.Server, double, func(*Context, *ask, Answer[told]) {}) })
	w.AtServer.OnLost(func(reason error) { lost <- reason })
	packet := double.Request().In(w.Client.Registry())
	for range 2 {
		if err := w.AtClient.SendRaw(packet, []byte{0x93, 7, 0, 0xc0}); err != nil {
			t.Fatal(err)
		}
	}
	if err := wait(t, "end", lost); !errors.Is(err, ErrRepeatedID) || !errors.Is(err, peer.ReasonPayload) {
		t.Errorf("the conn ended with %v", err)
	}
}

// Answers that nobody waits for are counted and dropped.
func TestLateAndDuplicateAnswersAreCounted(t *testing.T) {
	w := couple(t, func(w *world) { Handle(w.Server, double, doubles) })
	if _, err := Do(t.Context(), w.AtClient, double, &ask{}); err != nil {
		t.Fatal(err)
	}
	answer := double.Answer().In(w.Server.Registry())
	for _, payload := range []string{
		"9301c0c0",                 // the one that was answered: a duplicate
		"9302c0c0",                 // never asked
		"93cf7000000000000001c0c0", // never asked
	} {
		b, _ := hex.DecodeString(payload)
		if err := w.AtServer.SendRaw(answer, b); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the answers are counted", func() bool {
		s := StatsOf(w.Client)
		return s.Duplicate == 1 && s.Late == 2
	})
	if a, err := Do(t.Context(), w.AtClient, double, &ask{N: 3}); err != nil || a.N != 6 {
		t.Errorf("the next call: %+v, %v", a, err)
	}
}

// An answer to a call of another name ends the conn, and with it the call.
func TestAnAnswerToAnotherCallEndsTheConn(t *testing.T) {
	w := couple(t, func(w *world) {
		Handle(w.Server, double, doubles)
		HandleLater(w.Server, other, func(c *Context, _ *ask, _ Answer[told]) {
			peer.Send(c.Conn(), double.Answer(), &Response[told]{ID: c.ID()})
		})
	})
	if _, err := Do(t.Context(), w.AtClient, double, &ask{}); err != nil { // so that such answers are handled
		t.Fatal(err)
	}
	_, err := Do(t.Context(), w.AtClient, other, &ask{})
	if !errors.Is(err, ErrOtherCall) || !errors.Is(err, peer.ReasonPayload) {
		t.Errorf("got %v", err)
	}
}

// A caller may say any time; none of them overflows.
func TestAnyTimeThatACallerSays(t *testing.T) {
	got := make(chan time.Duration, 1)
	w := couple(t, func(w *world) {
		HandleLater(w.Server, double, func(c *Context, _ *ask, a Answer[told]) {
			at, _ := c.Deadline()
			got <- time.Until(at)
			a.Send(nil)
		})
	})
	packet := double.Request().In(w.Client.Registry())
	for payload, least := range map[string]time.Duration{
		"930100c0":                 9 * time.Second,
		"9302c0c0":                 9 * time.Second,
		"9303cd0fa0c0":             3 * time.Second,
		"9304cfffffffffffffffffc0": 1000 * time.Hour,
		"9305cf7fffffffffffffffc0": 1000 * time.Hour,
	} {
		b, _ := hex.DecodeString(payload)
		if err := w.AtClient.SendRaw(packet, b); err != nil {
			t.Fatal(err)
		}
		if left := wait(t, "request", got); left < least {
			t.Errorf("%s: %v are left", payload, left)
		}
	}
}
