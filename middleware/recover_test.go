package middleware

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// panicInHandler is looked for in a stack.
func panicInHandler(v any) { panic(v) }

// The answer to a panic decides what becomes of the conn.
func TestRecoverAnswersPanics(t *testing.T) {
	errOwn := errors.New("sorry")
	for name, test := range map[string]struct {
		answer error
		lost   error
		want   []string
	}{
		"nil":    {nil, nil, []string{"panic", "after"}},
		"error":  {errOwn, errOwn, []string{"panic"}},
		"Reason": {peer.Reason("reason.sorry"), peer.Reason("reason.sorry"), []string{"panic"}},
	} {
		for what, v := range map[string]any{"text": "boom", "nil": nil} {
			t.Run(name+", panic of "+what, func(t *testing.T) {
				answered := ""
				w := newWorld(t, func(_ *peer.Conn, text string) error {
					if text == "panic" {
						panicInHandler(v)
					}
					return nil
				}, Recover(func(in *peer.Incoming, p any) error {
					if !strings.Contains(string(debug.Stack()), "panicInHandler") {
						t.Error("the stack does not show the panic")
					}
					got, err := in.Value()
					answered = fmt.Sprint(p, " ", *got.(*string), " ", err)
					return test.answer
				}))
				w.send("panic", "after")
				want := "boom panic <nil>"
				if v == nil {
					want = new(runtime.PanicNilError).Error() + " panic <nil>"
				}
				if answered != want || !errors.Is(w.lost, test.lost) || !slices.Equal(w.handled, test.want) {
					t.Errorf("answered %q, handled %q, lost because of %v", answered, w.handled, w.lost)
				}
			})
		}
	}
}

// Goexit is no panic: it ends its conn, and Recover is not asked.
func TestRecoverLeavesGoexit(t *testing.T) {
	w := newWorld(t, func(*peer.Conn, string) error { runtime.Goexit(); return nil },
		Recover(func(*peer.Incoming, any) error { t.Error("asked"); return nil }))
	var turns sync.WaitGroup
	turns.Go(func() { w.send("exit") }) // the Goexit ends this goroutine
	turns.Wait()
	w.v.Settle(1000)
	if !errors.Is(w.lost, engine.ErrGoexit) {
		t.Errorf("lost because of %v", w.lost)
	}
}
