package capture

// masker: cuts what is secret out of a msgpack payload that comes in pieces, in place. Lengths
// and types stay, so that the payload stays sound.

import "math"

// maxMaskDepth is how deep a payload may be nested. What is deeper is masked whole; no peer
// takes so much by default.
const maxMaskDepth = 64

// maxMaskKey is the longest key that is compared, in bytes. Go's field names are shorter.
const maxMaskKey = 256

// masker walks over one payload. The zero value with a path is ready.
type masker struct {
	path  *secretPath
	stack []level

	plain    int  // bytes of the value that stay: the type of an ext
	body     int  // bytes of the value that follow those
	fill     byte // what they are masked with
	lengths  int  // bytes of the length that are to come
	length   uint64
	code     byte // that the length belongs to
	masked   bool // the value is secret
	isKey    bool // the value is a key
	key      []byte
	over     bool // the payload has ended, and what follows is not to be there
	tooDeep  bool
	hasValue bool // there is a value under way
}

// level is an array or a map that has not ended.
type level struct {
	path  *secretPath
	isMap bool
	left  uint64 // elements, keys among them
	done  int
}

// mask masks p, the next bytes of the payload.
func (m *masker) mask(p []byte) {
	for i := 0; i < len(p); {
		switch {
		case m.over || m.tooDeep:
			clear(p[i:])
			return
		case m.lengths > 0:
			m.length = m.length<<8 | uint64(p[i])
			i++
			if m.lengths--; m.lengths == 0 {
				m.begin()
			}
		case m.plain > 0:
			n := min(m.plain, len(p)-i)
			m.plain -= n
			i += n
			m.endIfDone()
		case m.body > 0:
			n := min(m.body, len(p)-i)
			m.content(p[i : i+n])
			m.body -= n
			i += n
			m.endIfDone()
		default:
			m.place()
			m.value(&p[i])
			i++
		}
	}
}

// place finds out where the next value stands.
func (m *masker) place() {
	m.hasValue, m.isKey = true, false
	path := m.path
	if n := len(m.stack); n > 0 {
		top := &m.stack[n-1]
		m.isKey = top.isMap && top.left%2 == 0
		path = top.path.child(top.done, m.key, top.isMap)
		if m.isKey {
			m.key = m.key[:0]
			path = nil
			if top.path != nil && top.path.all {
				path = top.path
			}
		}
	}
	m.masked = path != nil && path.all
}

// content masks bytes of a value, or keeps them if they are of a key.
func (m *masker) content(b []byte) {
	if m.isKey && len(m.key)+len(b) <= maxMaskKey {
		m.key = append(m.key, b...)
	}
	if m.masked {
		for i := range b {
			b[i] = m.fill
		}
	}
}

// value takes the first byte of a value.
func (m *masker) value(b *byte) {
	c := *b
	m.code, m.length, m.fill = c, 0, 0
	switch {
	case c <= 0x7f, c >= 0xe0:
		if m.masked {
			*b = 0
		}
	case c <= 0x8f, c <= 0x9f:
		m.length = uint64(c & 0x0f)
		m.begin()
		return
	case c <= 0xbf:
		m.length = uint64(c & 0x1f)
		m.begin()
		return
	case c == 0xc2, c == 0xc3:
		if m.masked {
			*b = 0xc2
		}
	case c == 0xc4, c == 0xc7, c == 0xd9:
		m.lengths = 1
	case c == 0xc5, c == 0xc8, c == 0xda, c == 0xdc, c == 0xde:
		m.lengths = 2
	case c == 0xc6, c == 0xc9, c == 0xdb, c == 0xdd, c == 0xdf:
		m.lengths = 4
	case c == 0xca:
		m.body = 4
	case c == 0xcb:
		m.body = 8
	case c >= 0xcc && c <= 0xcf:
		m.body = 1 << (c - 0xcc)
	case c >= 0xd0 && c <= 0xd3:
		m.body = 1 << (c - 0xd0)
	case c >= 0xd4 && c <= 0xd8:
		m.plain, m.body = 1, 1<<(c-0xd4)
	}
	m.endIfDone()
}

// begin goes on when the length of the value is known.
func (m *masker) begin() {
	c := m.code
	switch {
	case c <= 0x8f && c >= 0x80, c == 0xde, c == 0xdf:
		m.push(true)
	case c <= 0x9f && c >= 0x90, c == 0xdc, c == 0xdd:
		m.push(false)
	case c >= 0xc7 && c <= 0xc9:
		m.plain, m.body = 1, m.bodyLength()
	default:
		m.body = m.bodyLength()
		if c >= 0xd9 || c <= 0xbf { // text
			m.fill = 'x'
		}
	}
	m.endIfDone()
}

// bodyLength is the length as an int, which has 32 bits on some machines. No frame has so much.
func (m *masker) bodyLength() int { return int(min(m.length, math.MaxInt32)) }

// push begins an array or a map.
func (m *masker) push(isMap bool) {
	path := m.path
	if n := len(m.stack); n > 0 {
		top := &m.stack[n-1]
		path = top.path.child(top.done, m.key, top.isMap)
	}
	left := m.length
	if isMap {
		left *= 2
	}
	if left == 0 {
		return
	}
	if len(m.stack) == maxMaskDepth {
		m.tooDeep = true
		return
	}
	m.stack = append(m.stack, level{path: path, isMap: isMap, left: left})
	m.hasValue = false
}

// endIfDone ends the value if nothing more of it comes, and the arrays and maps that it is the
// last of.
func (m *masker) endIfDone() {
	if !m.hasValue || m.lengths > 0 || m.plain > 0 || m.body > 0 {
		return
	}
	m.hasValue = false
	for n := len(m.stack); n > 0; n = len(m.stack) {
		top := &m.stack[n-1]
		top.left--
		top.done++
		if top.left > 0 {
			return
		}
		m.stack = m.stack[:n-1]
	}
	m.over = true
}
