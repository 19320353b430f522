package call

import (
	"context"
	"errors"
	"fmt"
	"github.com/packetmq/packetmq/internal/peertest"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// publicError says what others may know.
type publicError struct{}

func (publicError) Error() string               { return "a secret" }
func (publicError) Public() (name, text string) { return "test:later", "try later" }

// errors.Is finds a named error on the other side, with its text and whatever was around it.
func TestErrorsByNameCrossTheWire(t *testing.T) {
	everywhere(t, func(w *world) {
		Handle(w.Server, double, func(_ *Context, q *ask) (*told, error) {
			switch q.N {
			case 1:
				return nil, poor
			case 2:
				return nil, poor.WithText("no credit")
			case 3:
				return nil, fmt.Errorf("a secret: %w", poor)
			}
			return nil, missing // without data
		})
		HandleLater(w.Server, other, func(_ *Context, _ *ask, a Answer[told]) { go a.Fail(poor) })
	}, func(t *testing.T, w *world) {
		for n, want := range map[int]string{1: "call: test:poor", 2: "call: test:poor: no credit", 3: "call: test:poor"} {
			_, err := Do(t.Context(), w.AtClient, double, &ask{N: n})
			if !errors.Is(err, poor) || errors.Is(err, missing) || err.Error() != want {
				t.Errorf("%d: got %v", n, err)
			}
		}
		if _, err := Do(t.Context(), w.AtClient, double, &ask{N: 4}); !errors.Is(err, missing) || errors.Is(err, poor) {
			t.Errorf("got %v", err)
		} else if _, ok := missing.Data(err); ok {
			t.Error("an error without data has some")
		}
		if _, err := Do(t.Context(), w.AtClient, other, &ask{}); !errors.Is(err, poor) {
			t.Errorf("of an Answer: %v", err)
		}
		if s := StatsOf(w.Server); s.Failed != 5 || s.Panics != 0 {
			t.Errorf("counted %+v", s)
		}
	})
}

// errors.As and Data find what an error carries.
func TestErrorsWithDataCrossTheWire(t *testing.T) {
	w := couple(t, func(w *world) {
		Handle(w.Server, double, func(*Context, *ask) (*told, error) {
			return nil, fmt.Errorf("wrapped: %w", missing.With(shortage{"tea", 3}).WithText("soon"))
		})
	})
	_, err := Do(t.Context(), w.AtClient, double, &ask{})
	if !errors.Is(err, missing) {
		t.Errorf("got %v", err)
	}
	if d, ok := missing.Data(err); !ok || d != (shortage{"tea", 3}) {
		t.Errorf("the data is %+v, %v", d, ok)
	}
	var short *shortage
	if !errors.As(err, &short) || *short != (shortage{"tea", 3}) {
		t.Errorf("errors.As found %+v", short)
	}
	var named *Error
	if !errors.As(err, &named) || named.Name() != "test:missing" || named.Text() != "soon" {
		t.Errorf("errors.As found %+v", named)
	}
	if _, ok := missing.Data(poor); ok {
		t.Error("another error has the data")
	}
	if d, ok := missing.Data(missing.With(shortage{Left: 1})); !ok || d.Left != 1 {
		t.Error("the data of an error that went nowhere is not found")
	}
}

// A side that has not added an error finds it by its name, and its data.
func TestErrorsOfAnotherRegistry(t *testing.T) {
	stranger := DefineErrorOf[shortage]("test:stranger")
	w := couple(t, func(w *world) {
		Handle(w.Server, double, func(*Context, *ask) (*told, error) {
			return nil, stranger.With(shortage{"milk", 1})
		})
	})
	_, err := Do(t.Context(), w.AtClient, double, &ask{})
	if d, ok := stranger.Data(err); !ok || d.Of != "milk" || !errors.Is(err, stranger) {
		t.Errorf("got %v with %+v", err, d)
	}
}

// Nobody is told an error that is not meant for others, unless the program says so.
func TestInternalErrorsAreNotTold(t *testing.T) {
	for _, show := range []bool{false, true} {
		w := couple(t, func(w *world) {
			Configure(w.Server, &Config{ShowErrors: show})
			Handle(w.Server, double, func(*Context, *ask) (*told, error) {
				return nil, fmt.Errorf("open /etc/secret: %w", io.ErrUnexpectedEOF)
			})
			HandleLater(w.Server, other, func(_ *Context, _ *ask, a Answer[told]) { a.Fail(errors.New("/etc/secret")) })
		})
		for _, call := range []Call[ask, told]{double, other} {
			_, err := Do(t.Context(), w.AtClient, call, &ask{})
			if !errors.Is(err, ErrInternal) || strings.Contains(err.Error(), "secret") != show {
				t.Errorf("%s, shown %v: got %v", call.Name(), show, err)
			}
		}
	}
}

// Errorf and Public are told as text.
func TestErrorsThatAreText(t *testing.T) {
	w := couple(t, func(w *world) {
		Handle(w.Server, double, func(_ *Context, q *ask) (*told, error) {
			if q.N == 1 {
				return nil, Errorf("no room for %d", q.N)
			}
			return nil, fmt.Errorf("wrapped: %w", publicError{})
		})
	})
	_, err := Do(t.Context(), w.AtClient, double, &ask{N: 1})
	if err == nil || err.Error() != "call: no room for 1" || errors.Is(err, ErrInternal) {
		t.Errorf("got %v", err)
	}
	_, err = Do(t.Context(), w.AtClient, double, &ask{N: 2})
	if err == nil || err.Error() != "call: test:later: try later" || !errors.Is(err, publicError{}) {
		t.Errorf("got %v", err)
	}
	if errors.Is(Errorf("x"), Errorf("x")) {
		t.Error("two errors without a name are the same")
	}
}

// A text is cut at 1,024 bytes, between characters, and is UTF-8.
func TestTheTextOfAnErrorIsBounded(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"short":     {"grüße", "grüße"},
		"long":      {strings.Repeat("x", 5000), strings.Repeat("x", 1024)},
		"in a rune": {strings.Repeat("x", 1023) + "ü", strings.Repeat("x", 1023)},
		"not UTF-8": {"a\xffb", "a\uFFFDb"},
	} {
		if got := sendable(test.text); got != test.want {
			t.Errorf("%s: got %d bytes, %.20q", name, len(got), got)
		}
	}
}

// What cannot be an error of a registry is refused.
func TestAddErrorsRefuses(t *testing.T) {
	reg := registry.New()
	first := MustAddError(reg, "test:first")
	if err := AddErrors(reg, first); err != nil {
		t.Errorf("the same once more: %v", err)
	}
	var name *registry.NameError
	for what, add := range map[string]func() error{
		"another of the name": func() error { _, err := AddError(reg, "test:first"); return err },
		"no application":      func() error { _, err := AddError(reg, "poor"); return err },
		"packetmq":            func() error { _, err := AddError(reg, "packetmq:poor"); return err },
		"a channel":           func() error { _, err := AddErrorOf[chan int](reg, "test:chan"); return err },
		"no registry":         func() error { _, err := AddError(nil, "test:x"); return err },
	} {
		err := add()
		if err == nil {
			t.Errorf("%s: no error", what)
		}
		if what == "packetmq" && !errors.As(err, &name) {
			t.Errorf("%s: %v", what, err)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("MustAddError does not panic")
		}
	}()
	MustAddErrorOf[int](reg, "test:first")
}

// Data that cannot be decoded is as if there were none.
func TestErrorDataOfAnotherType(t *testing.T) {
	number := DefineErrorOf[int]("test:missing") // of the same name, on the other side
	w := couple(t, func(w *world) {
		Handle(w.Server, double, func(*Context, *ask) (*told, error) { return nil, number.With(7) })
	})
	_, err := Do(t.Context(), w.AtClient, double, &ask{})
	if !errors.Is(err, missing) {
		t.Errorf("got %v", err)
	}
	if d, ok := missing.Data(err); ok {
		t.Errorf("the data is %+v", d)
	}
	if w.AtClient.State() != peer.Active {
		t.Error("the conn has ended")
	}
}

// The end of one conn that a handler had a call under way on is not the end of another.
func TestALostCallInAHandlerLeavesItsConn(t *testing.T) {
	backend := couple(t, func(*world) {})
	backend.AtClient.Softquit("backend.secret")
	var lostErr error
	eventually(t, "the backend is lost", func() bool {
		_, lostErr = Do(t.Context(), backend.AtClient, double, &ask{})
		return errors.Is(lostErr, peer.Reason("backend.secret"))
	})
	w := couple(t, func(w *world) {
		Handle(w.Server, double, func(*Context, *ask) (*told, error) { return nil, lostErr })
		Handle(w.Server, other, doubles)
	})
	if _, err := Do(t.Context(), w.AtClient, double, &ask{}); !errors.Is(err, ErrInternal) || strings.Contains(err.Error(), "secret") {
		t.Errorf("the caller is told %v", err)
	}
	if _, err := Do(t.Context(), w.AtClient, other, &ask{}); err != nil {
		t.Errorf("the conn does not go on: %v", err)
	}
}

// An error that is too large to be sent does not leave its caller without any.
func TestAnErrorThatIsTooLargeIsToldAllTheSame(t *testing.T) {
	small := Define[ask, told]("test:small", 50, registry.MaxSize(48))
	text := DefineError("test:text")
	s, c := newSide(false), newSide(true)
	for _, side := range []*side{s, c} {
		side.Reg.MustAdd(small.Packets()...)
		if err := AddErrors(side.Reg, text); err != nil {
			t.Fatal(err)
		}
	}
	long := strings.Repeat("x", maxText)
	w := peertest.OverMemory(false)(t, s, c, func(w *world) {
		Handle(w.Server, small, func(_ *Context, q *ask) (*told, error) {
			switch q.N {
			case 0:
				return nil, text.WithText(long)
			case 1:
				return nil, Errorf("%s", long)
			}
			return &told{Text: long}, nil
		})
		Handle(w.Server, double, func(*Context, *ask) (*told, error) {
			return nil, missing.With(shortage{Of: strings.Repeat("x", 2<<20)})
		})
	})
	for n, want := range []error{text, ErrInternal, ErrInternal} {
		if _, err := Do(t.Context(), w.AtClient, small, &ask{N: n}); !errors.Is(err, want) {
			t.Errorf("%d: got %v, want %v", n, err, want)
		}
	}
	if _, err := Do(t.Context(), w.AtClient, double, &ask{}); !errors.Is(err, missing) {
		t.Errorf("with data: got %v", err)
	}
}

// An error of the handler's own context, of a query's, is logged as any is.
func TestErrorsOfContextsAreLogged(t *testing.T) {
	s, c := newSide(false), newSide(true)
	lines := make(lineLog, 16)
	s.Cfg.Logger = slog.New(slog.NewTextHandler(lines, nil))
	w := peertest.OverMemory(false)(t, s, c, func(w *world) {
		Handle(w.Server, double, func(*Context, *ask) (*told, error) { return nil, context.DeadlineExceeded })
	})
	if _, err := Do(t.Context(), w.AtClient, double, &ask{}); !errors.Is(err, ErrInternal) {
		t.Errorf("got %v", err)
	}
	if line := wait(t, "line", lines); !strings.Contains(line, "deadline exceeded") {
		t.Errorf("logged %q", line)
	}
}

// lineLog has the lines of a log.
type lineLog chan string

func (l lineLog) Write(b []byte) (int, error) { l <- string(b); return len(b), nil }
