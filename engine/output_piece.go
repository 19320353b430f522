package engine

// The pieces of a queue of output.

// piece is a part of a queue that begins and ends between two messages: a buffer of
// messages, or one message whose payload is shared.
type piece struct {
	b        *Buffer // nil: the payload is shared
	messages int     // those in it; 0 if nobody can tell

	shared  *Shared // counted in
	headLen uint8
	head    [maxSharedHead]byte // what comes before the payload
}

// bufferPiece is b as a piece.
func bufferPiece(f Framer, b *Buffer) piece { return piece{b: b, messages: messagesIn(f, b.B)} }

// sharedPiece is a message as a piece. It takes over that s is counted in.
func sharedPiece(f Framer, head []byte, s *Shared) piece {
	p := piece{shared: s}
	p.headLen = uint8(copy(p.head[:], head))
	if f != nil {
		p.messages = 1
	}
	return p
}

// size is how many bytes are in p.
func (p *piece) size() int {
	if p.shared != nil {
		return int(p.headLen) + p.shared.size
	}
	return len(p.b.B)
}

// headBytes is the head of a message whose payload is shared. It is valid as long as p.
func (p *piece) headBytes() []byte { return p.head[:p.headLen] }

// drop gives p back.
func (p *piece) drop(pool *Pool) {
	if p.shared != nil {
		p.shared.release()
		return
	}
	pool.Put(p.b)
}

// rest is what is left of p when n bytes of it have gone, in two parts. Only the second
// may be all of it.
func (p *piece) rest(n int) (head, rest []byte) {
	switch h := int(p.headLen); {
	case p.shared == nil:
		return nil, p.b.B[n:]
	case n < h:
		return p.head[n:h], p.shared.b.B
	default:
		return nil, p.shared.b.B[n-h:]
	}
}

// buffer turns p into a buffer, for who can send nothing else.
func (p *piece) buffer(pool *Pool) *Buffer {
	if p.shared == nil {
		return p.b
	}
	b := bufferFor(pool, p.size(), false)
	b.B = append(append(b.B, p.headBytes()...), p.shared.b.B...)
	p.shared.release()
	return b
}
