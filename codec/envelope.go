package codec

// Envelopes: arrays whose last element is a value of another type. Their own code encodes
// and decodes what comes before it, which takes less time than a plan does.

import "reflect"

// An Envelope is a pointer to a struct with as_array whose last field is a pointer to the
// value that it carries. Its methods are a faster way to the same bytes, for a payload that
// is an Envelope itself; wherever they do not apply, the struct is encoded and decoded by its
// fields.
type Envelope interface {
	// AppendHead appends the head of the array and all its elements but the last. It is not
	// ok if the fields are to be encoded as those of any struct; dst is unchanged then.
	AppendHead(dst []byte) (out []byte, ok bool)

	// ReadHead takes what AppendHead appends from the front of a sound payload. It is not ok
	// if the fields are to be decoded as those of any struct, or if b is no such payload.
	ReadHead(b []byte) (rest []byte, ok bool)

	// Carried is the value of the last field, a pointer. With fresh set, a nil one is
	// replaced by a new value first.
	Carried(fresh bool) any

	// Empty sets the last field to nil.
	Empty()
}

// appendEnvelope appends an Envelope as far as its own code can. If ok is false, the plan is
// to do it.
func (k *typeEntry) appendEnvelope(dst []byte, e Envelope) (_ []byte, ok bool, err error) {
	out, ok := e.AppendHead(dst)
	if !ok {
		return dst, false, nil
	}
	m, carried := k.plan.m, e.Carried(false)
	if out, err = m.types.of(m, carried).plan.encode(out, reflect.ValueOf(carried), 1); err != nil {
		return dst, true, encodeError(e, err)
	}
	return out, true, nil
}

// envelope decodes an Envelope as far as its own code can. If done is false, the plan is to
// do it, from the beginning.
func (c *cursor) envelope(e Envelope) (done, ok bool) {
	rest, ok := e.ReadHead(c.b)
	if !ok || len(rest) == 0 {
		return false, false
	}
	carried := e.Carried(false)
	entry := c.v5.types.of(c.v5, carried)
	if entry.target == nil || entry.plan.dec != opPointer { // registered with v5 as a pointer
		return false, false
	}
	c.i = len(c.b) - len(rest)
	if c.null() {
		e.Empty()
		return true, true
	}
	v := reflect.ValueOf(carried)
	if v.IsNil() {
		if !c.charge(entry.plan.size) {
			return true, false
		}
		v = reflect.ValueOf(e.Carried(true))
	}
	return true, entry.target.decode(c, v.Elem())
}
