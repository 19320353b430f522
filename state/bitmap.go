package state

// bitmap: which slots of a table a reader with a view has the values of.

type bitmap []uint64

func (m bitmap) has(at int32) bool {
	i := int(at) / 64
	return i < len(m) && m[i]>>(at%64)&1 == 1
}

func (m *bitmap) set(at int32) {
	i := int(at) / 64
	if i >= len(*m) {
		larger := make(bitmap, max(i+1, 2*len(*m)))
		copy(larger, *m)
		*m = larger
	}
	(*m)[i] |= 1 << (at % 64)
}

func (m bitmap) unset(at int32) {
	if i := int(at) / 64; i < len(m) {
		m[i] &^= 1 << (at % 64)
	}
}
