// Package codec turns bytes into packets and back: it cuts a stream into
// frames, and encodes and decodes their payloads as msgpack, after they have been
// checked.
//
// # Frames
//
// A frame is a u32 length, a u16 packet id and a payload, in network byte
// order; the length counts the id and the payload. AppendFrame writes one
// whose payload is there already; BeginFrame and EndFrame wrap one that is
// being encoded in place:
//
//	start := len(buf)
//	buf = codec.BeginFrame(buf, id)
//	buf, err = pack.Append(buf, v)
//	buf, err = codec.EndFrame(buf, start, 0)
//
// A Reader takes frames from whatever a read returned, without a copy where
// the frame lies whole in it:
//
//	for len(b) > 0 {
//		f, n, err := r.Next(b)
//		if err != nil {
//			return err // the stream is lost
//		}
//		b = b[n:]
//		if f != nil {
//			handle(f.ID(), f.Payload()) // f is gone with the next call
//		}
//	}
//
// # Payloads
//
// Msgpack appends any value as a payload and decodes payloads into any
// pointer, by a plan that is made once for each type; bytes, values and struct
// tags are those of msgpack/v5, in a fraction of its time. Types that have code of
// their own, the methods that tinylib/msgp generates, or what msgpack/v5 knows to
// call, go through that, wherever in a value they lie.
//
// A payload of an unknown sender can kill a decoder, and the process with it:
// five bytes can ask for a slice of four billion elements, and a stack of
// nested arrays exhausts the goroutine's. So every payload is checked first, as by
// Limits.Check: the check is iterative, allocates nothing, and bounds the depth and
// the number of elements. It takes less than a tenth of the time of the decoder,
// which then counts the memory that it allocates. Bad input is an error, never a panic, and
// costs no more than Limits.Budget.
//
// # Functions registered with msgpack/v5
//
// A program can register functions for a type with msgpack/v5 (msgpack.Register,
// msgpack.RegisterExt), and v5 has no way to ask for them. So when a type without
// methods of its own is first used, v5 encodes and decodes its zero value once,
// with an output and an input that fail, and the names of the functions on the
// call stack tell whether one of the program's was called. Three things follow.
// Register before the type is first used. A registered function is called once
// with a zero value, and its first write or read fails. And a version of v5 in
// which functions have other names may be taken for a program's function; the
// tests of this package find that out.
//
// # Payloads of a known form
//
// The Append and Read functions are for payloads of a known form, as those of
// the handshake, where reflection would be too much.
package codec
