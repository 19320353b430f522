package call

// What calls look like on the wire: the requests [id, ms, body], the answers
// [id, error, body], and [id], which cancels.

import (
	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/peer"
)

// array3 begins an array of three elements.
const array3 = 0x93

// Request is a packet that asks, as middleware and hooks see it. What they change in it
// reaches the handler; it is valid during their call.
type Request[Q any] struct {
	_msgpack struct{} `msgpack:",as_array"` //lint:ignore U1000 the codec reads the tag

	ID   uint64 // the caller's number for the call, above 0; never used again on the conn
	MS   uint64 // the milliseconds that are left for the call; 0: as many as the other side gives
	Body *Q     // nil: the zero Q

	keep bool // Reset keeps the memory of Body
}

// Reset clears the request for the next one.
func (r *Request[Q]) Reset() { r.ID, r.MS, r.Body = 0, 0, cleared(r.Body, r.keep) }

// AppendHead is for package codec, as are ReadHead, Carried and Empty: a codec.Envelope is
// faster.
func (r *Request[Q]) AppendHead(b []byte) ([]byte, bool) {
	b = codec.AppendArrayHeader(b, 3)
	b = codec.AppendUint(b, r.ID)
	return codec.AppendUint(b, r.MS), true
}

// ReadHead is for package codec.
func (r *Request[Q]) ReadHead(b []byte) (rest []byte, ok bool) {
	if len(b) == 0 || b[0] != array3 {
		return b, false
	}
	id, rest, err := codec.ReadUint(b[1:])
	if err != nil {
		return b, false
	}
	ms, rest, err := codec.ReadUint(rest)
	if err != nil {
		return b, false
	}
	r.ID, r.MS = id, ms
	return rest, true
}

// Carried is for package codec.
func (r *Request[Q]) Carried(fresh bool) any {
	if fresh && r.Body == nil {
		r.Body = new(Q)
	}
	return r.Body
}

// Empty is for package codec.
func (r *Request[Q]) Empty() { r.Body = nil }

// Response is a packet that answers, as middleware and hooks see it. It is valid during
// their call.
type Response[A any] struct {
	_msgpack struct{} `msgpack:",as_array"` //lint:ignore U1000 the codec reads the tag

	ID    uint64   // that of the request
	Error *Failure // nil: the call has succeeded
	Body  *A       // nil: the zero A, or there is an error

	keep bool // Reset keeps the memory of Body
}

// Reset clears the response for the next one.
func (r *Response[A]) Reset() { r.ID, r.Error, r.Body = 0, nil, cleared(r.Body, r.keep) }

// AppendHead is for package codec, as are ReadHead, Carried and Empty: a codec.Envelope is
// faster.
func (r *Response[A]) AppendHead(b []byte) ([]byte, bool) {
	if r.Error != nil {
		return b, false
	}
	b = codec.AppendArrayHeader(b, 3)
	b = codec.AppendUint(b, r.ID)
	return codec.AppendNil(b), true
}

// ReadHead is for package codec.
func (r *Response[A]) ReadHead(b []byte) (rest []byte, ok bool) {
	if len(b) == 0 || b[0] != array3 {
		return b, false
	}
	id, rest, err := codec.ReadUint(b[1:])
	if err != nil {
		return b, false
	}
	if rest, err = codec.ReadNil(rest); err != nil {
		return b, false
	}
	r.ID, r.Error = id, nil
	return rest, true
}

// Carried is for package codec.
func (r *Response[A]) Carried(fresh bool) any {
	if fresh && r.Body == nil {
		r.Body = new(A)
	}
	return r.Body
}

// Empty is for package codec.
func (r *Response[A]) Empty() { r.Body = nil }

// Failure is an error in an answer: [name, text, data].
type Failure struct {
	_msgpack struct{} `msgpack:",as_array"` //lint:ignore U1000 the codec reads the tag

	Name string    // that of AddError, or one of package call's own; "" if it has text only
	Text string    // for people; at most 1,024 bytes
	Data codec.Raw // that of AddErrorOf; nil: none
}

// cleared is v with nothing in it, or nil if its memory is not to be kept.
func cleared[T any](v *T, keep bool) *T {
	if !keep || v == nil {
		return nil
	}
	if r, ok := any(v).(peer.Resetter); ok {
		r.Reset()
		return v
	}
	var zero T
	*v = zero
	return v
}

// head reads the beginning of a request: of how many elements it is, 0 if it is no array, and
// its id. A request of one element must have nothing after it.
func head(payload []byte) (n int, id uint64, err error) {
	n, rest, err := codec.ReadArrayHeader(payload)
	if err != nil {
		return 0, 0, err
	}
	id, rest, err = codec.ReadUint(rest)
	switch {
	case err != nil:
		return n, 0, err
	case id == 0:
		return n, 0, ErrNoID
	case n == 1 && len(rest) > 0:
		return n, 0, codec.ErrTrailing
	}
	return n, id, nil
}

// mayCancel tells whether a payload may be that of [id], so that others need not be looked at
// twice: only an array of three in its shortest form is surely none.
func mayCancel(payload []byte) bool { return len(payload) > 0 && payload[0] != array3 }

// appendCancel appends the payload that cancels a call.
func appendCancel(b []byte, id uint64) []byte {
	return codec.AppendUint(codec.AppendArrayHeader(b, 1), id)
}

var (
	_ codec.Envelope = (*Request[int])(nil)
	_ codec.Envelope = (*Response[int])(nil)
)
