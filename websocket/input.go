package websocket

// Input: frames are unmasked where they lie, and the payloads of all data frames in a read are
// pushed together, so that the conn gets them in one piece.

// maxPiece is how many bytes the conn gets at once: a packet of 64 KiB and what is around it.
// What it does not take is moved back, so more costs more where it takes a share at a time.
// Less cuts long packets, which are then gathered in memory of their own.
const maxPiece = 68 << 10

// Received implements engine.Sink.
func (t *transport) Received(b []byte) (n int) {
	if t.rare != nil && len(t.rare.early) > 0 && !t.deliverEarly() {
		return 0
	}
	for n < len(b) {
		used, stuck := t.receive(b[n:])
		if n += used; stuck {
			break
		}
	}
	t.sendPong()
	return n
}

// deliverEarly delivers what came with a request that Handler has read. It reports whether
// nothing is left of it.
func (t *transport) deliverEarly() bool {
	early := t.rare.early
	used := 0
	for used < len(early) {
		n, stuck := t.receive(early[used:])
		if used += n; stuck {
			break
		}
	}
	if t.rare == nil { // the conn has ended
		return true
	}
	t.rare.early = early[used:]
	return len(t.rare.early) == 0
}

// receive takes a step's worth of b, which is not empty: up to a control frame, a fault or
// maxPiece. Enough says that the other conns are to have their turn.
func (t *transport) receive(b []byte) (n int, enough bool) {
	switch {
	case t.phase == upgrading:
		return t.receiveHead(b), false
	case t.phase == deaf:
		return len(b), false
	case t.rare != nil && t.rare.control.op != 0:
		return t.continueControl(b), false
	}
	p := piece{b: b, end: int(t.plain), read: int(t.plain)}
	t.plain = 0
	h, fault := t.gather(&p)
	switch {
	case p.size() > 0:
		return t.deliver(&p)
	case fault != nil:
		t.fail(fault)
		return len(b), false
	case h.op.isControl():
		return p.read + t.beginControl(h, b[p.read:]), false
	}
	return p.read, false
}

// piece is a read while its payloads are pushed together.
type piece struct {
	b          []byte
	start, end int // where the payload lies
	read       int // how far b was read
}

func (p *piece) size() int { return p.end - p.start }

// deliver gives the payload to the conn. What the conn has not taken comes again, in front of
// what follows it.
func (t *transport) deliver(p *piece) (n int, enough bool) {
	size := p.size()
	rest := size - t.sink.Received(p.b[p.start:p.end])
	if rest > 0 {
		copy(p.b[p.read-rest:p.read], p.b[p.end-rest:p.end])
		t.plain = int32(rest)
	}
	return p.read - rest, rest > 0 || size >= maxPiece
}

// gather reads frames until it has a piece. It stops in front of a control frame and of a fault
// that come after payload, so that these are met when the conn has taken that. A control frame
// that comes before any payload is returned, and its header is read.
func (t *transport) gather(p *piece) (h frameHead, fault *ProtocolError) {
	for p.read < len(p.b) && p.size() < maxPiece {
		if t.left > 0 {
			t.gatherPayload(p)
			continue
		}
		var size int
		if h, size, fault = t.nextHead(p.b[p.read:]); size == 0 && fault == nil {
			t.nHead += uint8(copy(t.head[t.nHead:], p.b[p.read:]))
			p.read = len(p.b)
			break
		}
		if fault == nil && !h.op.isControl() {
			fault = t.beginFrame(h)
		}
		if p.size() > 0 && (fault != nil || h.op.isControl()) {
			return frameHead{}, nil
		}
		if fault != nil {
			return frameHead{}, fault
		}
		p.read += size - int(t.nHead)
		t.nHead = 0
		if h.op.isControl() {
			return h, nil
		}
	}
	return frameHead{}, nil
}

// nextHead is the header that begins with what was kept of it, and goes on with b. Size is 0 if
// it is not whole.
func (t *transport) nextHead(b []byte) (h frameHead, size int, fault *ProtocolError) {
	head := b
	if t.nHead > 0 {
		var whole [maxHead]byte
		n := copy(whole[:], t.head[:t.nHead])
		head = whole[:n+copy(whole[n:], b)]
	}
	if len(head) < 2 {
		return h, 0, nil
	}
	if fault = checkHead(head[0], head[1], !t.flags.has(maskOutput)); fault != nil {
		return h, 0, fault
	}
	if size = headSize(head[1]); len(head) < size {
		return h, 0, nil
	}
	h, fault = parseHead(head[:size])
	return h, size, fault
}

// beginFrame begins with a data frame, unless it may not come now.
func (t *transport) beginFrame(h frameHead) *ProtocolError {
	switch {
	case h.op == opContinuation && !t.flags.has(inMessage):
		return &ProtocolError{CodeProtocol, "a continuation frame continues nothing"}
	case h.op != opContinuation && t.flags.has(inMessage):
		return &ProtocolError{CodeProtocol, "a message begins within another one"}
	case h.fin:
		t.flags &^= inMessage
	default:
		t.flags |= inMessage
	}
	t.left, t.key = h.length, h.key
	return nil
}

// gatherPayload unmasks what has come of a frame, and moves it to the payload before it.
func (t *transport) gatherPayload(p *piece) {
	n := int(min(t.left, int64(len(p.b)-p.read), int64(maxPiece-p.size())))
	if p.size() == 0 {
		p.start, p.end = p.read, p.read
	}
	from, to := p.b[p.read:p.read+n], p.b[p.end:p.end+n]
	switch {
	case t.key != 0:
		t.key = mask(to, from, t.key)
	case p.end != p.read:
		copy(to, from)
	}
	p.read += n
	p.end += n
	t.left -= int64(n)
}
