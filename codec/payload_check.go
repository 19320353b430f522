package codec

// The check that every payload passes before it is decoded: one msgpack object, sound,
// and within the limits. It is iterative and allocates nothing, so that no payload
// can exhaust the stack or the memory.

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// Limits are what a payload may ask of a decoder. A field of 0 stands for its
// default. The methods may be called from any goroutine. What one other side can
// take of a peer is bounded by peer.Limits, which is another type.
type Limits struct {
	// Depth is how many arrays and maps may lie in one another. The default is
	// 32; more than 128 means 128.
	Depth int

	// Elements is how many elements all arrays and maps may declare together;
	// a pair of a map counts two. The default is 65,536.
	Elements int

	// Budget is the memory in bytes that decoding may take: it is refused before
	// it takes more. Check, which does not decode, estimates it. The default is
	// 16 MiB.
	Budget int

	// CutIntegers takes an integer for which its field is too narrow, or which
	// is below 0 where that has no sign, and keeps its low bits, as msgpack/v5
	// does: 65537 into a uint16 is 1. By default it is refused with ErrRange.
	CutIntegers bool
}

const (
	defaultDepth    = 32
	defaultElements = 65536
	defaultBudget   = 16 << 20

	maxDepth     = 128
	shallowDepth = 8
)

// What decoding into any takes, in bytes, at most. Go 1.24 and later lay a map
// out in groups of 8 slots; a table of them is between 7/16 and 7/8 full.
const (
	elementCost = 16 + 32 + 16           // a slot in a []any; the largest box, which is an Ext; the least its data takes
	pairCost    = 33*16/7 + 16 + 32 + 16 // a slot at the lowest load; the same of its key and value
	groupCost   = 288                    // the first group, which even a map of one pair has
	mapCost     = 48
)

// Check reports whether b is exactly one msgpack object that is sound and
// within the limits; if not, the error is a *PayloadError. It takes time in
// proportion to len(b) at most, and no memory.
//
// Refused are: nothing at all (ErrEmpty), an object that is cut off or
// declares more than the bytes left can hold (ErrTruncated), bytes after the
// object (ErrTrailing), the code c1 (ErrReserved), text that is not UTF-8
// (ErrUTF8), keys that cannot be one in Go, which are maps, arrays and exts
// (ErrMapKey), and ext types other than 0 to 127 and -1, a timestamp of 4, 8
// or 12 bytes (ErrExt). ErrDepth, ErrElements and ErrBudget are the limits.
//
// The estimate that is held against Budget is the sum of
//
//	5/4 of len(b), for all text and bytes, and what rounding up costs them
//	64 B for each element of an array
//	139 B for each pair of a map
//	48 B for each map, and 288 B more if it is not empty
//
// which DecodeAny does not exceed with what it returns. Decode and DecodeAny
// do not go by it: they count what they allocate. Check is for programs that pass
// payloads on or keep them without decoding them.
func (l *Limits) Check(b []byte) error {
	var w walk
	w.limit(l)
	if err := w.whole(b); err != nil {
		return err
	}
	return w.afford()
}

// A walk goes over one object, within limits, and counts what it sees.
type walk struct {
	depth, elements, budget int // the limits, defaults put in

	// room is how many bytes there are, or will be. What all open arrays and
	// maps still lack takes a byte each at least, so as soon as that exceeds
	// what is left of room, the object is cut off. This bounds what a payload
	// can declare by its length.
	room int

	arrays, items int // arrays, and the elements of all of them
	maps, pairs   int
	filled        int // maps that are not empty
	exts          int
}

func (w *walk) limit(l *Limits) {
	w.depth, w.elements, w.budget = defaultDepth, defaultElements, defaultBudget
	if l == nil {
		return
	}
	if l.Depth > 0 {
		w.depth = min(l.Depth, maxDepth)
	}
	if l.Elements > 0 {
		w.elements = l.Elements
	}
	if l.Budget > 0 {
		w.budget = l.Budget
	}
}

// unlimited is a walk with no limit but the depth of its stack.
func unlimited() walk {
	return walk{depth: maxDepth, elements: math.MaxInt, budget: math.MaxInt}
}

// cost is the estimate of Check.
func (w *walk) cost() int {
	return w.room + w.room/4 + w.items*elementCost + w.pairs*pairCost + w.filled*groupCost + w.maps*mapCost
}

// whole goes over b, which must be one object and nothing else. w has limits
// and no counts yet.
func (w *walk) whole(b []byte) error {
	if len(b) == 0 {
		return &PayloadError{Err: ErrEmpty}
	}
	w.room = len(b)
	var stack [shallowDepth]uint
	end, err := w.object(b, stack[:])
	if end == tooDeep {
		end, err = w.deepObject(b)
	}
	switch {
	case err != nil:
		return err
	case end < len(b):
		return &PayloadError{Offset: end, Err: ErrTrailing}
	}
	return nil
}

// afford holds the estimate of Check against the budget.
func (w *walk) afford() error {
	if w.cost() > w.budget {
		return &PayloadError{Err: ErrBudget}
	}
	return nil
}

// deepObject is object with room for the deepest payload. Few need it, and
// clearing its stack costs more than walking a small payload, so a smaller
// stack is tried first.
//
//go:noinline
func (w *walk) deepObject(b []byte) (int, error) {
	var stack [maxDepth]uint
	*w = walk{depth: w.depth, elements: w.elements, budget: w.budget, room: w.room}
	return w.object(b, stack[:])
}

// one object, as the words of a walk's stack count them.
const one = 2

// tooDeep is returned by object when the stack ran out before the limit did.
const tooDeep = -1

// object goes over the object at the front of b and returns where it ends. It
// keeps one word for each open array or map: the number of objects still to
// come, doubled, plus one in a map. An even number of objects left in a map
// means that a key is next.
func (w *walk) object(b []byte, stack []uint) (int, error) {
	var (
		i    = 0
		cur  = uint(one) // as if in an array of one
		open = 0         // words in stack: the parents of cur
		lack = uint(0)   // objects to come in those parents
	)
	for {
		if cur < one {
			if open == 0 {
				return i, nil
			}
			open--
			cur = stack[open]
			lack -= cur / one
			continue
		}
		if i >= len(b) {
			return refuse(i, ErrTruncated)
		}
		c := b[i]
		if !container(c) {
			end, rest := plain(b, i, cur)
			if end == i {
				var err error
				if end, err = w.leaf(b, i, cur&3 == 1); err != nil {
					return i, err
				}
				rest = cur - one
			}
			i, cur = end, rest
			continue
		}

		n, size := uint(c&0x0f), 1
		if c >= array16 {
			_, n, size = header(b[i:])
		}
		objects, inMap := n, c < fixArray || c >= map16
		if inMap {
			objects = 2 * n
		}
		left := uint(w.room - i - size)
		switch {
		case cur&3 == 1:
			return refuse(i, ErrMapKey)
		case open >= w.depth:
			return refuse(i, ErrDepth)
		case size > len(b)-i || n > left || lack+cur/one-1+objects > left:
			return refuse(i, ErrTruncated)
		}
		if w.count(inMap, int(n)); w.items+2*w.pairs > w.elements {
			return refuse(i, ErrElements)
		}
		i += size
		cur -= one
		if n == 0 {
			continue
		}
		if open == len(stack) {
			return tooDeep, nil
		}
		stack[open] = cur
		open++
		lack += cur / one
		cur = objects * one
		if inMap {
			cur++
		}
	}
}

// container reports whether c begins an array or a map.
func container(c byte) bool {
	return c&0xe0 == fixMap || array16 <= c && c <= map32
}

func (w *walk) count(inMap bool, n int) {
	if !inMap {
		w.arrays++
		w.items += n
		return
	}
	w.maps++
	w.pairs += n
	if n > 0 {
		w.filled++
	}
}

// leaf checks the one object at b[i:], which is neither array nor map, and
// returns where it ends.
func (w *walk) leaf(b []byte, i int, key bool) (int, error) {
	if b[i] == reserved {
		return refuse(i, ErrReserved)
	}
	k, n, size := header(b[i:])
	if size == 0 {
		size = scalarSize(b[i])
	}
	if size > len(b)-i || n > uint(len(b)-i-size) {
		return refuse(i, ErrTruncated)
	}
	end := i + size + int(n)
	switch k {
	case text:
		if !utf8.Valid(b[i+size : end]) {
			return refuse(i, ErrUTF8)
		}
	case ext:
		if key {
			return refuse(i, ErrMapKey)
		}
		if !validExt(int8(b[i+size-1]), n) {
			return refuse(i, ErrExt)
		}
		w.exts++
	}
	return end, nil
}

// plain moves over the objects at b[i:] that need no stack and no second look:
// scalars, short text that is ASCII, and bytes. It is the guard's hot loop, and apart
// from the rest so that all it works on stays in registers. Codes are told
// apart by branches: after one that is predicted, the next object is looked at
// before a table could have given the size of this one.
func plain(b []byte, i int, cur uint) (int, uint) {
	for cur >= one && i < len(b) {
		c := b[i]
		n := 1
		switch {
		case c < fixMap || c >= negFix:
		case c&0xe0 == fixStr:
			n = int(c & 0x1f)
			if n <= 8 && i+9 <= len(b) { // one load; what is after the text is shifted out
				word := binary.LittleEndian.Uint64(b[i+1 : i+9 : i+9])
				if word<<((64-8*n)&63)&high != 0 {
					return i, cur
				}
			} else if n >= len(b)-i || !ascii(b, i+1, n) {
				return i, cur
			}
			n++
		default:
			n = scalarSize(c)
			if c == bin8 && len(b)-i >= 2 {
				n = 2 + int(b[i+1])
			}
			if n == 0 || n > len(b)-i {
				return i, cur
			}
		}
		i += n
		cur -= one
	}
	return i, cur
}

const high = 0x8080808080808080 // of eight bytes, the bits that ASCII has not

// ascii reports whether b[i:i+n], which lies in b, is ASCII, or false where
// that takes more than loading words.
func ascii(b []byte, i, n int) bool {
	end := i + n
	if end < 8 {
		return false
	}
	x := binary.LittleEndian.Uint64(b[end-8:])
	if n <= 8 {
		return x>>(64-8*n)&high == 0
	}
	for ; i < end-8; i += 8 {
		x |= binary.LittleEndian.Uint64(b[i:])
	}
	return x&high == 0
}

// validExt reports whether an ext of this type may have n bytes.
func validExt(typ int8, n uint) bool {
	return typ >= 0 || typ == timestamp && (n == 4 || n == 8 || n == 12)
}

func refuse(i int, err error) (int, error) { return i, &PayloadError{Offset: i, Err: err} }
