package codec

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// Limits are what a payload may ask of a decoder. A field of 0 stands for its
// default. The methods may be called from any goroutine.
type Limits struct {
	// Depth is how many arrays and maps may lie in one another. The default is
	// 32; more than 128 means 128.
	Depth int

	// Elements is how many elements all arrays and maps may declare together;
	// a pair of a map counts two. The default is 65,536.
	Elements int

	// Budget is the memory in bytes that decoding may take, as estimated
	// beforehand: see Check. The default is 16 MiB.
	Budget int
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
	elementCost = 16 + 32           // a slot in a []any, and the largest box one points to: an Ext
	pairCost    = 33*16/7 + 16 + 32 // a slot at the lowest load, the box of its key, the box of its value
	groupCost   = 288               // the first group, which even a map of one pair has
	mapCost     = 48
)

// Check reports whether b is exactly one msgpack object that is sound and
// within the limits; if not, the error is a *PayloadError. It takes time in
// proportion to len(b) at most, and no memory.
//
// Refused are: nothing at all (ErrEmpty), an object that is cut off or
// declares more than the bytes left can hold (ErrTruncated), bytes behind the
// object (ErrTrailing), the code c1 (ErrReserved), text that is not UTF-8
// (ErrUTF8), keys that cannot be one in Go, which are maps, arrays and exts
// (ErrMapKey), and ext types other than 0 to 127 and -1, a timestamp of 4, 8
// or 12 bytes (ErrExt). ErrDepth, ErrElements and ErrBudget are the limits.
//
// The estimate that is held against Budget is the sum of
//
//	len(b), for all text and bytes
//	48 B for each element of an array: its slot and its box
//	123 B for each pair of a map
//	48 B for each map, and 288 B more if it is not empty
//
// which DecodeAny does not exceed with what it returns. (A map[string]any
// that meets a key other than text late is made a second time as a
// map[any]any, and the first one is garbage.)
func (l *Limits) Check(b []byte) error {
	_, err := l.inspect(b)
	return err
}

// tally is what a walk counts in a payload.
type tally struct {
	arrays, items int // arrays, and the elements of all of them
	maps, pairs   int
	filled        int // maps that are not empty
	exts          int
}

// cost is the estimate of Check without the payload's own length.
func (t *tally) cost() int {
	return t.items*elementCost + t.pairs*pairCost + t.filled*groupCost + t.maps*mapCost
}

// inspect is Check, and tells what is in b.
func (l *Limits) inspect(b []byte) (tally, error) {
	lim := l.orDefault()
	var t tally
	if len(b) == 0 {
		return t, &PayloadError{Err: ErrEmpty}
	}
	end, err := lim.object(b, len(b), &t)
	switch {
	case err != nil:
		return t, err
	case end < len(b):
		return t, &PayloadError{Offset: end, Err: ErrTrailing}
	case len(b)+t.cost() > lim.Budget:
		return t, &PayloadError{Err: ErrBudget}
	}
	return t, nil
}

func (l *Limits) orDefault() Limits {
	lim := Limits{defaultDepth, defaultElements, defaultBudget}
	if l == nil {
		return lim
	}
	if l.Depth > 0 {
		lim.Depth = min(l.Depth, maxDepth)
	}
	if l.Elements > 0 {
		lim.Elements = l.Elements
	}
	if l.Budget > 0 {
		lim.Budget = l.Budget
	}
	return lim
}

// wellFormed limits nothing but the depth, which the walk itself bounds.
func wellFormed() Limits {
	return Limits{Depth: maxDepth, Elements: math.MaxInt, Budget: math.MaxInt}
}

// object walks the first object of b and returns where it ends. Few payloads
// are deeper than shallowDepth, and clearing the large stack costs more than
// walking a small payload: so it is only taken when the small one ran out.
func (l Limits) object(b []byte, room int, t *tally) (int, error) {
	var stack [shallowDepth]uint
	end, err := l.walk(b, room, stack[:], t)
	if end == tooDeep {
		return l.deepObject(b, room, t)
	}
	return end, err
}

//go:noinline
func (l Limits) deepObject(b []byte, room int, t *tally) (int, error) {
	var stack [maxDepth]uint
	*t = tally{}
	return l.walk(b, room, stack[:], t)
}

// one object, as the words of walk count them.
const one = 2

// tooDeep is returned by walk when the stack ran out before the limit did.
const tooDeep = -1

// walk is the guard itself. It keeps one word for each open array or map:
// the number of objects still to come, doubled, plus one in a map; an even
// number of objects left in a map means that a key is next.
//
// room is how many bytes b has, or will have. What all open arrays and maps
// still lack takes a byte each at least, so as soon as that exceeds the bytes
// left, b is cut off. This bounds what a payload can declare by its length.
func (l Limits) walk(b []byte, room int, stack []uint, t *tally) (int, error) {
	var (
		i     = 0
		cur   = uint(one) // as if in an array of one
		depth = 0         // words in stack: the parents of cur
		lack  = uint(0)   // objects to come in those parents
	)
	for {
		i, cur = plain(b, i, cur)
		if cur < one {
			if depth == 0 {
				return i, nil
			}
			depth--
			cur = stack[depth]
			lack -= cur / one
			continue
		}
		if i >= len(b) {
			return refuse(i, ErrTruncated)
		}
		key := cur&3 == 1
		cur -= one
		k, n, size := header(b[i:])
		if size > len(b)-i {
			return refuse(i, ErrTruncated)
		}
		if k == scalar {
			if b[i] == reserved {
				return refuse(i, ErrReserved)
			}
			return refuse(i, ErrTruncated)
		}
		if k <= binary_ {
			if n > uint(len(b)-i-size) {
				return refuse(i, ErrTruncated)
			}
			if k == text && !utf8.Valid(b[i+size:i+size+int(n)]) {
				return refuse(i, ErrUTF8)
			}
			i += size + int(n)
			continue
		}
		if key {
			return refuse(i, ErrMapKey)
		}
		if k == ext {
			if n > uint(len(b)-i-size) {
				return refuse(i, ErrTruncated)
			}
			if !validExt(int8(b[i+size-1]), n) {
				return refuse(i, ErrExt)
			}
			t.exts++
			i += size + int(n)
			continue
		}

		if depth >= l.Depth {
			return refuse(i, ErrDepth)
		}
		left := uint(room - i - size)
		if n > left {
			return refuse(i, ErrTruncated)
		}
		objects := n
		if k == dict {
			objects = 2 * n
		}
		if lack+cur/one+objects > left {
			return refuse(i, ErrTruncated)
		}
		t.count(k, int(n))
		if t.items+2*t.pairs > l.Elements {
			return refuse(i, ErrElements)
		}
		i += size
		if n == 0 {
			continue
		}
		if depth == len(stack) {
			return tooDeep, nil
		}
		stack[depth] = cur
		depth++
		lack += cur / one
		cur = objects * one
		if k == dict {
			cur++
		}
	}
}

func (t *tally) count(k kind, n int) {
	if k == array {
		t.arrays++
		t.items += n
		return
	}
	t.maps++
	t.pairs += n
	if n > 0 {
		t.filled++
	}
}

// plain moves over the objects at b[i:] that need no stack and no second look:
// scalars, and short text that is ASCII. It is the guard's hot loop, and apart
// from the rest so that all it works on stays in registers.
func plain(b []byte, i int, cur uint) (int, uint) {
	for cur >= one && i < len(b) {
		c := b[i]
		n := int(plainSize[c])
		if n == 0 || n > len(b)-i {
			break
		}
		if c&0xe0 == fixStr && !shortASCII(b, i+1, n-1) {
			break
		}
		i += n
		cur -= one
	}
	return i, cur
}

// shortASCII reports whether b[i:i+n], which lies in b, is ASCII, or false
// where it cannot tell cheaply. It loads words, over the ends of the text if
// need be, and shifts out what is none of it.
func shortASCII(b []byte, i, n int) bool {
	const high = 0x8080808080808080
	var x uint64
	switch end := i + n; {
	case n > 8:
		x = binary.LittleEndian.Uint64(b[end-8:])
		for ; i < end-8; i += 8 {
			x |= binary.LittleEndian.Uint64(b[i:])
		}
	case len(b)-i >= 8:
		x = binary.LittleEndian.Uint64(b[i:]) << (64 - 8*n)
	case end >= 8:
		x = binary.LittleEndian.Uint64(b[end-8:]) >> (64 - 8*n)
	default:
		return false
	}
	return x&high == 0
}

func refuse(i int, err error) (int, error) { return i, &PayloadError{Offset: i, Err: err} }

// validExt reports whether an ext of this type may have n bytes.
func validExt(typ int8, n uint) bool {
	return typ >= 0 || typ == timestamp && (n == 4 || n == 8 || n == 12)
}
