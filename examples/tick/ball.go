package main

// What the server sends to all players after each tick. Ball encodes and decodes
// itself: packets that leave this often are worth the few lines.

import (
	"fmt"

	"github.com/packetmq/packetmq/codec"
)

// Ball is ball:at. On the wire it is an array of its three fields.
type Ball struct {
	Tick  int
	At    float64 // m
	Speed float64 // m/s
}

// MarshalMsg appends the ball to a payload.
func (b *Ball) MarshalMsg(dst []byte) ([]byte, error) {
	dst = codec.AppendArrayHeader(dst, 3)
	dst = codec.AppendInt(dst, int64(b.Tick))
	dst = codec.AppendFloat(dst, b.At)
	return codec.AppendFloat(dst, b.Speed), nil
}

// UnmarshalMsg takes the ball from the front of a payload.
func (b *Ball) UnmarshalMsg(src []byte) (rest []byte, err error) {
	n, src, err := codec.ReadArrayHeader(src)
	if err != nil {
		return src, err
	}
	if n != 3 {
		return src, fmt.Errorf("a ball of %d fields, want 3", n)
	}
	tick, src, err := codec.ReadInt(src)
	if err != nil {
		return src, err
	}
	b.Tick = int(tick)
	if b.At, src, err = codec.ReadFloat(src); err != nil {
		return src, err
	}
	b.Speed, rest, err = codec.ReadFloat(src)
	return rest, err
}
