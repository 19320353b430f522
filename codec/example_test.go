package codec_test

import (
	"errors"
	"fmt"

	"github.com/packetmq/packetmq/codec"
)

// A packet goes out, and comes in again in two reads.
func Example() {
	type move struct {
		ID   uint64
		X, Y float64
	}
	var pack codec.Msgpack

	buf := codec.BeginFrame(nil, 17)
	buf, err := pack.Append(buf, move{ID: 7, X: 1.5, Y: -2})
	if err != nil {
		fmt.Println(err)
		return
	}
	if buf, err = codec.EndFrame(buf, 0, 0); err != nil {
		fmt.Println(err)
		return
	}

	var r codec.Reader
	for _, read := range [][]byte{buf[:10], buf[10:]} {
		for len(read) > 0 {
			f, n, err := r.Next(read)
			if err != nil {
				fmt.Println(err)
				return
			}
			read = read[n:]
			if f == nil {
				fmt.Println("waiting,", r.Buffered(), "bytes are here")
				continue
			}
			var m move
			if err := pack.Decode(f.Payload(), &m); err != nil {
				fmt.Println(err)
				return
			}
			fmt.Println("packet", f.ID(), m)
		}
	}
	// Output:
	// waiting, 10 bytes are here
	// packet 17 {7 1.5 -2}
}

func ExampleReader() {
	r := codec.Reader{
		Check: func(id uint16, length int) error {
			if id < 16 && length > 64 {
				return fmt.Errorf("internal packet %d of %d bytes", id, length)
			}
			return nil
		},
	}
	_, _, err := r.Next([]byte{0, 0, 4, 0, 0, 3})
	fmt.Println(err)

	r.Reset()
	_, _, err = r.Next([]byte("GET / HTTP/1.1\r\n"))
	fmt.Println(err)
	// Output:
	// internal packet 3 of 1024 bytes
	// codec: the peer speaks HTTP, not packetmq
}

func ExampleLimits_Check() {
	var l codec.Limits
	bomb := []byte{0xdd, 0xff, 0xff, 0xff, 0xff} // an array of four billion
	err := l.Check(bomb)
	fmt.Println(err)
	fmt.Println(errors.Is(err, codec.ErrTruncated))
	// Output:
	// codec: payload byte 0: object is cut off
	// true
}

func ExampleMsgpack_DecodeAny() {
	var pack codec.Msgpack
	b, err := pack.Append(nil, map[string]any{"n": 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := pack.DecodeAny(b)
	fmt.Printf("%x is %v, %v\n", b, v, err)
	// Output:
	// 81a16e01 is map[n:1], <nil>
}

// A packet of a known form, without reflection.
func ExampleReadMapHeader() {
	b := codec.AppendMapHeader(nil, 1)
	b = codec.AppendString(b, "version")
	b = codec.AppendUint(b, 1)

	n, rest, err := codec.ReadMapHeader(b)
	for ; n > 0 && err == nil; n-- {
		var key []byte
		if key, rest, err = codec.ReadText(rest); err != nil {
			break
		}
		if string(key) != "version" {
			rest, err = codec.Skip(rest)
			continue
		}
		var v uint64
		v, rest, err = codec.ReadUint(rest)
		fmt.Println("version", v)
	}
	fmt.Println(len(rest), err)
	// Output:
	// version 1
	// 0 <nil>
}
