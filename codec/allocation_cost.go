package codec

// What decoding allocates, in bytes. A cursor charges it to the budget before it is
// allocated. The estimates are never under what the heap takes, and mostly within
// twice of it.

import (
	"math"
	"math/bits"
	"reflect"
)

const (
	stringHeader = 16
)

// heapSize bounds what n bytes take on the heap: small objects come in
// classes, those with pointers have a header, and the largest are whole pages.
func heapSize(n int) int {
	if n == 0 {
		return 0
	}
	if n > 512 {
		n += 8
	}
	return n + n/4 + 8
}

// arraySize is heapSize for n values of size bytes. What no int can tell is more
// than any budget.
func arraySize(n, size int) int {
	over, bytes := bits.Mul(uint(n), uint(size))
	if over != 0 || bytes > math.MaxInt/2 {
		return math.MaxInt
	}
	return heapSize(int(bytes))
}

// stringSize is heapSize for text. The runtime has all texts of one byte.
func stringSize(n int) int {
	if n < 2 {
		return 0
	}
	return heapSize(n)
}

// allocation is what one value of type t takes on the heap.
func allocation(t reflect.Type) int { return heapSize(int(t.Size())) }

// What Go lays a map out in: groups of 8 slots and a byte for each. One table of
// groups has up to 16/7 slots an entry, and a large one is rounded up to pages.
// Where there are several tables, each may have to grow, and leaves behind what
// it had: that is up to 24/7 slots an entry.
const (
	mapHeader  = 48
	groupSlots = 8
	oneTable   = 896 // entries
)

// mapSize is what a map of n entries takes, whose keys and values take slot
// bytes.
func mapSize(n, slot int) int {
	switch {
	case n == 0:
		return mapHeader
	case n <= groupSlots:
		return mapHeader + heapSize(groupSlots*(slot+1))
	case n <= oneTable:
		return 2*mapHeader + 3*n*(slot+1)
	case n > math.MaxInt/2/17/(slot+1):
		return math.MaxInt
	}
	return 2*mapHeader + 17*n*(slot+1)/4
}

// widest is the size of the largest key or value that lies within a map; of a
// larger one, the map has a pointer.
const widest = 128

// slotSize is the size of an entry of a map of type t.
func slotSize(t reflect.Type) (n int) {
	for _, t := range []reflect.Type{t.Key(), t.Elem()} {
		if size := int(t.Size()); size > widest {
			n += 8
		} else {
			n += (size + 7) &^ 7
		}
	}
	return n
}

// entrySize is what decoding an entry of a map of type t takes besides the map:
// room for a key and a value, once, and what lies outside of it, for each.
func entrySize(t reflect.Type) (room, outside int) {
	for _, t := range []reflect.Type{t.Key(), t.Elem()} {
		room += allocation(t)
		if t.Size() > widest {
			outside += allocation(t)
		}
	}
	return room, outside
}

// targetSize is what v takes beside the interface it lies in: itself, and what it
// points to.
func targetSize(v any) int {
	t := reflect.TypeOf(v)
	if t == nil {
		return 0
	}
	if t.Kind() == reflect.Pointer {
		return allocation(t) + allocation(t.Elem())
	}
	return allocation(t)
}
