package codec

// The Reader cuts a stream of bytes into frames.

import "encoding/binary"

// minBody is the least a buffer for a cut frame is made with, in bytes, unless
// the frame is smaller.
const minBody = 512

// A Reader cuts a byte stream into frames. The zero value is ready. It is for
// one goroutine at a time.
//
// A frame that lies whole in the bytes given to Next is returned in place. One
// that straddles is gathered in a buffer of its own, whose size follows what
// has arrived, not what the header promises: at most four times that (or 512
// bytes), and never more than the frame's length, but for one of Spares.
// Between frames a Reader holds nothing on the heap.
type Reader struct {
	// Max is the largest length a frame may state, in bytes: id and payload.
	// 0 means DefaultMaxFrame.
	Max int

	// Check, if not nil, is asked once about each frame, as soon as its header
	// is known and before anything of its payload is buffered. The length is
	// the frame's own: id and payload. An error refuses the frame, and Next
	// returns it as it is.
	Check func(id uint16, length int) error

	// Spares, if not nil, is where buffers for cut frames come from and go back to:
	// after the frame, with the next call of Next or Reset.
	Spares *Spares

	err  error
	body []byte // id and payload of a cut frame, as far as they have arrived
	head [HeaderSize]byte
	have uint8 // bytes in head; not 0 while anything but "between frames" is the case
	done bool  // the cut frame was delivered: body and head are the caller's until the next call
}

// failed in Reader.have keeps Next off its fast path after an error.
const failed = HeaderSize + 1

// Next takes one frame from the front of b. It returns the frame and the
// number of bytes of b that it used. The frame is nil when b ends before the
// frame does; then all of b is used and the Reader keeps what it needs.
//
// The frame is valid until the next call of Next or Reset, and no longer than
// b is.
//
// A length that cannot be is refused with a *SizeError on its four bytes
// alone. An error is final: every further call returns it, until Reset.
func (r *Reader) Next(b []byte) (f Frame, n int, err error) {
	if r.have != 0 {
		return r.resume(b)
	}
	if f, n, err = Cut(b, r.Max, r.Check); err != nil {
		return nil, 0, r.fail(err)
	}
	if f == nil {
		return r.resume(b)
	}
	return f, n, nil
}

// Cut is what Reader.Next does between frames, without a Reader: it returns the
// frame at the front of b and what it takes up there. The frame is nil when b
// does not have all of it; it is then for a Reader with the same max and check.
func Cut(b []byte, max int, check func(id uint16, length int) error) (f Frame, n int, err error) {
	if len(b) < HeaderSize {
		return nil, 0, nil
	}
	length, err := frameLength(b, max)
	if err != nil {
		return nil, 0, err
	}
	if len(b)-LengthSize < length {
		return nil, 0, nil
	}
	if check != nil {
		if err := check(binary.BigEndian.Uint16(b[LengthSize:]), length); err != nil {
			return nil, 0, err
		}
	}
	end := LengthSize + length
	return Frame(b[LengthSize:end:end]), end, nil
}

// Buffered is the number of bytes held of an unfinished frame, its header
// included. It is for programs that read frames themselves: at the end of their
// input, a number above 0 says that it was cut off.
func (r *Reader) Buffered() int {
	switch {
	case r.done || r.have == failed:
		return 0
	case r.body != nil:
		return LengthSize + len(r.body)
	}
	return int(r.have)
}

// Held is how much memory is held for an unfinished frame, in bytes.
func (r *Reader) Held() int { return cap(r.body) }

// Reset forgets an unfinished frame, a delivered one and an error, and
// releases what they held. Max, Check and Spares stay.
func (r *Reader) Reset() {
	r.Spares.put(r.body)
	r.err, r.body, r.have, r.done = nil, nil, 0, false
}

// resume is Next where a frame is under way or b may end within a header.
func (r *Reader) resume(b []byte) (Frame, int, error) {
	if r.err != nil {
		return nil, 0, r.err
	}
	if r.done {
		r.Reset()
		return r.Next(b)
	}
	n := 0
	if r.have < HeaderSize {
		n = copy(r.head[r.have:], b)
		r.have += uint8(n)
		if r.have < LengthSize {
			return nil, n, nil
		}
	}
	length, err := frameLength(r.head[:], r.Max)
	if err != nil {
		return nil, 0, r.fail(err)
	}
	if r.have < HeaderSize {
		return nil, n, nil
	}
	if n > 0 && r.Check != nil {
		if err := r.Check(binary.BigEndian.Uint16(r.head[LengthSize:]), length); err != nil {
			return nil, 0, r.fail(err)
		}
	}
	n += r.gather(b[n:], length)
	switch {
	case length == IDSize:
		r.done = true
		return Frame(r.head[LengthSize:]), n, nil
	case len(r.body) == length:
		r.done = true
		return Frame(r.body[:length:length]), n, nil
	}
	return nil, n, nil
}

// gather moves what b has of the frame into body and returns how much that is.
func (r *Reader) gather(b []byte, length int) int {
	have := max(len(r.body), IDSize)
	n := min(length-have, len(b))
	if n == 0 {
		return 0
	}
	if have+n > cap(r.body) {
		body := r.Spares.take(have + n)
		if body == nil {
			body = make([]byte, 0, bodySize(have+n, length))
		}
		body = append(body[:0], r.head[LengthSize:]...)
		if r.body != nil {
			body = append(body[:0], r.body...)
			r.Spares.put(r.body)
		}
		r.body = body
	}
	r.body = append(r.body, b[:n]...)
	return n
}

// bodySize is the capacity for a frame of which have of length bytes are there:
// exactly length where they all are.
func bodySize(have, length int) int {
	return min(length, max(minBody, 4*have))
}

// frameLength reads and judges the length at the front of h.
func frameLength(h []byte, max int) (int, error) {
	n := binary.BigEndian.Uint32(h)
	limit := frameLimit(max)
	if n < IDSize || uint64(n) > uint64(limit) {
		return 0, &SizeError{Length: int64(n), Max: limit, Protocol: protocol([LengthSize]byte(h))}
	}
	return int(n), nil
}

func (r *Reader) fail(err error) error {
	r.Reset()
	r.err, r.have = err, failed
	return err
}

// protocol names the foreign protocol whose first bytes these are.
func protocol(h [LengthSize]byte) string {
	switch string(h[:]) {
	case "GET ", "HEAD", "POST", "PUT ", "DELE", "CONN", "OPTI", "TRAC", "PATC", "PRI ", "HTTP":
		return "HTTP"
	case "SSH-":
		return "SSH"
	case "PROX", "\r\n\r\n":
		return "PROXY"
	}
	if h[0] == 0x16 && h[1] == 0x03 && h[2] <= 0x04 {
		return "TLS"
	}
	return ""
}
