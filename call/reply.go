package call

// Reply: how a middleware answers a call in place of its handler.

import "fmt"

// reply is an answer on its way through middleware.
type reply struct{ v any }

func (r *reply) Error() string {
	return fmt.Sprintf("call: a %T is not what the call is answered with", r.v)
}

// Reply is what a middleware returns to answer a call with v, an A or a *A of the call's, in
// place of its handler:
//
//	return call.Reply(&Receipt{Cached: true})
//
// If v is of another type, the call fails with ErrInternal. Around a packet that is no call,
// what Reply returns is an error like any, and ends the conn.
func Reply(v any) error { return &reply{v} }

// answerOf is v as an answer.
func answerOf[A any](v any) (*A, bool) {
	switch v := v.(type) {
	case *A:
		return v, true
	case A:
		return &v, true
	}
	return nil, false
}
