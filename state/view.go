package state

// view: what a reader sees of a State, as a function of the program says.

// view is a judge that asks a function of the program. It belongs to one feed. Loop only.
type view[T any] struct {
	state *State[T]
	ask   func(v *T) bool
	taken []T // copies of the values of a batch, if they can be copied
}

// muchTaken is from how many values on the memory is not kept for the next batch, so that a
// reader who was told much once does not keep it for ever.
const muchTaken = 256

func (v *view[T]) reset() {
	if cap(v.taken) > muchTaken {
		v.taken = nil
	}
	clear(v.taken)
	v.taken = v.taken[:0]
}

func (v *view[T]) take(at int32) {
	if !v.state.def.flat {
		return
	}
	v.taken = append(v.taken, v.state.flat[at])
}

func (v *view[T]) sees(n int, payload []byte) bool {
	if v.state.def.flat {
		return v.ask(&v.taken[n])
	}
	var value T
	return encoding.Decode(payload, &value) == nil && v.ask(&value)
}
