package game

// Pos and Move: where a player is, and how it moves. Both encode and decode themselves, since
// they travel often: each player of a room is sent the others' twenty times a second.

import (
	"fmt"

	"github.com/packetmq/packetmq/codec"
)

const (
	width, height = 1000, 600 // of a room
	stride        = 10        // how far a player gets in one move, in each direction
)

// Pos is where a player is. On the wire it is an array of its three fields.
//
//packetmq:form array
type Pos struct {
	ID   uint64 // of the player
	X, Y int
}

// Move is arena:move: by how much a player moves. It is an array, too.
//
//packetmq:form array
type Move struct{ DX, DY int }

// after is where a player is after a move. What is too far for one move, or leads out of the
// room, is cut off: the arena decides where players are.
func (p Pos) after(m *Move) Pos {
	p.X = min(max(p.X+min(max(m.DX, -stride), stride), 0), width)
	p.Y = min(max(p.Y+min(max(m.DY, -stride), stride), 0), height)
	return p
}

// MarshalMsg appends the position to a payload.
func (p *Pos) MarshalMsg(dst []byte) ([]byte, error) {
	dst = codec.AppendArrayHeader(dst, 3)
	dst = codec.AppendUint(dst, p.ID)
	dst = codec.AppendInt(dst, int64(p.X))
	return codec.AppendInt(dst, int64(p.Y)), nil
}

// UnmarshalMsg takes the position from the front of a payload.
func (p *Pos) UnmarshalMsg(src []byte) (rest []byte, err error) {
	if src, err = readArray(src, 3); err != nil {
		return src, err
	}
	if p.ID, src, err = codec.ReadUint(src); err != nil {
		return src, err
	}
	return readInts(src, &p.X, &p.Y)
}

// MarshalMsg appends the move to a payload.
func (m *Move) MarshalMsg(dst []byte) ([]byte, error) {
	dst = codec.AppendArrayHeader(dst, 2)
	dst = codec.AppendInt(dst, int64(m.DX))
	return codec.AppendInt(dst, int64(m.DY)), nil
}

// UnmarshalMsg takes the move from the front of a payload.
func (m *Move) UnmarshalMsg(src []byte) (rest []byte, err error) {
	if src, err = readArray(src, 2); err != nil {
		return src, err
	}
	return readInts(src, &m.DX, &m.DY)
}

// readArray takes the head of an array of so many fields from the front of a payload.
func readArray(src []byte, want int) (rest []byte, err error) {
	n, rest, err := codec.ReadArrayHeader(src)
	if err == nil && n != want {
		err = fmt.Errorf("an array of %d fields, want %d", n, want)
	}
	return rest, err
}

// readInts takes integers of 32 bits from the front of a payload.
func readInts(src []byte, to ...*int) (rest []byte, err error) {
	for _, v := range to {
		var n int64
		if n, src, err = codec.ReadInt(src); err != nil {
			return src, err
		}
		if n != int64(int32(n)) {
			return src, fmt.Errorf("%d has more than 32 bits", n)
		}
		*v = int(n)
	}
	return src, nil
}
