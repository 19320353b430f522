package caller

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// echoed is a conversation whose numbers come back at once, but for what is wrong with it.
type echoed struct {
	answered func(uint64)
	ended    func(error)
	cut      bool
	wrong    string
}

func (e *echoed) Cut() {
	if e.cut = true; e.wrong == "ends" {
		e.ended(errors.New("no more"))
	}
}

func (e *echoed) Send(seq uint64) error {
	switch {
	case e.cut && e.wrong == "send":
		return errors.New("no")
	case e.cut && e.wrong == "doubled":
		e.answered(seq - 1)
		return nil
	}
	e.answered(seq)
	return nil
}

// A load of cuts counts the answers, and what was lost, doubled, refused or ended meanwhile.
func TestCut(t *testing.T) {
	for wrong, problem := range map[string]string{"": "", "doubled": "was to come", "ends": "has ended: no more"} {
		done := false
		cfg := Config{Addr: "nowhere", Conns: 10, Size: MinSize, Duration: 1, Done: func(*Result) error { done = true; return nil }}
		res, err := Cut(t.Context(), cfg, func(_ context.Context, answered func(uint64), ended func(error)) (Lasting, error) {
			return &echoed{answered: answered, ended: ended, wrong: wrong}, nil
		})
		if err != nil || !done || (problem == "") != (res.Errors == 0) || !strings.Contains(res.Problem, problem) {
			t.Errorf("%q: %+v, %v", wrong, res, err)
		}
		if wrong == "" && res.Packets != 10*cutNumbers {
			t.Errorf("%d answers are counted", res.Packets)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	cfg := Config{Addr: "nowhere", Conns: 1, Size: MinSize, Duration: 1}
	_, err := Cut(ctx, cfg, func(context.Context, func(uint64), func(error)) (Lasting, error) { return mute{}, nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted load: %v", err)
	}
}

// mute answers nothing.
type mute struct{}

func (mute) Send(uint64) error { return nil }
func (mute) Cut()              {}
