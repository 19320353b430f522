package logline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// ear is a slog.Handler that calls hear with every message.
type ear struct {
	slog.Handler
	hear func(r slog.Record)
}

func (e ear) Enabled(context.Context, slog.Level) bool      { return true }
func (e ear) Handle(_ context.Context, r slog.Record) error { e.hear(r); return nil }
func hearing(hear func(r slog.Record)) *slog.Logger         { return slog.New(ear{slog.DiscardHandler, hear}) }
func dropped(r slog.Record) (n int64) {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "dropped" {
			n = a.Value.Int64()
		}
		return true
	})
	return n
}

// A logger that blocks is not waited for: lines wait, up to a bound, and those that
// are dropped are counted by the next one.
func TestPutNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q Queue
		let := make(chan struct{})
		heard, lost := 0, int64(0)
		l := hearing(func(r slog.Record) { <-let; heard++; lost += dropped(r) })
		const lines = 10 * MaxWaiting
		for range lines {
			q.Put(l, slog.LevelInfo, "line")
		}
		synctest.Wait()
		q.Flush(time.Second)
		if heard > 0 {
			t.Error("a logger that blocks was waited for")
		}
		close(let)
		q.Flush(time.Hour)
		if heard < MaxWaiting || heard > MaxWaiting+1 || int64(heard)+lost != lines {
			t.Errorf("%d lines were logged and %d told of, of %d", heard, lost, lines)
		}
	})
}

// What a logger does to itself costs its line, and nothing else.
func TestFaultsOfALoggerAreItsOwn(t *testing.T) {
	for name, fail := range map[string]func(){
		"panic":     func() { panic("in the logger") },
		"nil panic": func() { panic(nil) },
		"Goexit":    runtime.Goexit,
	} {
		synctest.Test(t, func(t *testing.T) {
			var q Queue
			var got []string
			l := hearing(func(r slog.Record) {
				if strings.HasPrefix(r.Message, "bad") {
					fail()
				}
				got = append(got, r.Message)
			})
			for _, m := range []string{"one", "bad", "two", "bad", "bad"} {
				q.Put(l, slog.LevelInfo, m)
			}
			synctest.Wait() // and so nothing is left running
			if want := []string{"one", "two"}; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: logged %v, want %v", name, got, want)
			}
			q.Put(l, slog.LevelInfo, "three")
			q.Flush(time.Hour)
			if len(got) != 3 {
				t.Errorf("%s: nothing is logged after it", name)
			}
		})
	}
}

func TestFlushWithNothingToDo(t *testing.T) {
	var q Queue
	q.Flush(time.Hour)
	q.Put(nil, slog.LevelInfo, "line")
	q.Put(slog.New(slog.DiscardHandler), slog.LevelInfo, "line")
	q.Flush(time.Hour)
}

func TestInlineLogsAtOnce(t *testing.T) {
	q := Queue{Inline: true}
	n := 0
	l := hearing(func(slog.Record) { n++; panic("in the logger") })
	for want := range 3 {
		if n != want {
			t.Fatalf("%d lines, want %d", n, want)
		}
		q.Put(l, slog.LevelInfo, "line")
	}
}

// broken cannot be put into words.
type broken struct{}

func (broken) Error() string { panic("in Error") }

// Lines say the same whatever the format is, and what was so when they were put.
func TestArgumentsAreInWords(t *testing.T) {
	values := []int{1, 2}
	args := func() []any {
		return []any{
			"addr", &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 7}, "err", io.EOF, "values", values,
			"none", nil, "n", 5, "bad", broken{}, "long", strings.Repeat("x", 10*maxText),
		}
	}
	var out bytes.Buffer
	q := Queue{Inline: true}
	q.Put(slog.New(slog.NewJSONHandler(&out, nil)), slog.LevelInfo, "line", args()...)
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{"addr": "10.0.0.1:7", "err": "EOF", "values": "[1 2]", "none": "<nil>", "n": 5.0} {
		if got[key] != want {
			t.Errorf("%s is %v, want %v", key, got[key], want)
		}
	}
	if n := len(out.Bytes()); n > maxText+1000 {
		t.Errorf("the line has %d bytes", n)
	}
	var logged error
	q.Put(hearing(func(r slog.Record) {
		r.Attrs(func(a slog.Attr) bool { logged, _ = a.Value.Any().(error); return true })
	}), slog.LevelInfo, "line", "err", io.EOF)
	if !errors.Is(logged, io.EOF) {
		t.Errorf("a handler cannot see what %v is", logged)
	}
}
