package e2e

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/state"
)

// A mirror has what the server's state has, after many changes and a lost conn.
func TestMirror(t *testing.T) {
	type seen struct {
		Values        []string
		Synced        bool
		Sets, Deletes int
	}
	var values map[uint64]Pos
	var done chan struct{} // closed when values are all that the state gets
	everywhere(t, "state", func(t testing.TB) string {
		values, done = make(map[uint64]Pos), make(chan struct{})
		return listen(t, func(s *side) {
			st := state.NewFor(s, pos, state.Hz(100))
			settled := make(chan struct{}, 1)
			peer.Handle(s, note, func(*peer.Conn, *Note) error { settled <- struct{}{}; return nil })
			go func() {
				defer close(done)
				rng := rand.New(rand.NewPCG(1, 2))
				set := func(p Pos) {
					values[p.ID] = p
					if err := st.Set(&p); err != nil {
						t.Error(err)
					}
				}
				change := func() {
					for range 500 {
						id := 1 + rng.Uint64N(50)
						if rng.IntN(4) == 0 {
							delete(values, id)
							st.Delete(id)
						} else {
							set(Pos{id, rng.Int32(), time.UnixMilli(rng.Int64N(1e12))})
						}
					}
				}
				join := func() *peer.Conn {
					c := <-s.made
					if err := st.Join(c); err != nil {
						t.Error(err)
					}
					return c
				}
				change()
				c := join()
				change()
				c.Abort(errors.New("cut"))
				change()
				c = join()
				change()
				set(Pos{0, -1, time.UnixMilli(0)})
				text := "all is told"
				if err := peer.Send(c, line, &text); err != nil {
					t.Error(err)
				}
				<-settled // the script has the tick with key 0: with another one it has all of that tick
				set(Pos{0, -2, time.UnixMilli(0)})
			}()
		})
	}, func(t *testing.T, got seen) {
		next(t, "end of the changes", done)
		want := []string{}
		for _, p := range values {
			want = append(want, fmt.Sprintf("%d:%d:%s", p.ID, p.X, p.At.UTC().Format("2006-01-02T15:04:05.000Z")))
		}
		slices.Sort(want)
		slices.Sort(got.Values)
		if !slices.Equal(got.Values, want) {
			t.Errorf("the mirror has\n%q, the state\n%q (keys %v)", got.Values, want, slices.Sorted(maps.Keys(values)))
		}
		if !got.Synced || got.Sets < len(want) {
			t.Errorf("in step: %v, after %d values", got.Synced, got.Sets)
		}
	})
}
