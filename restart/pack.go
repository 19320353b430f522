package restart

// Many values in one state: sessions, for one, which are exported one by one.

import "github.com/packetmq/packetmq/codec"

// Pack makes one state of many values.
func Pack(values [][]byte) []byte {
	b := codec.AppendUint(nil, uint64(len(values)))
	for _, v := range values {
		b = codec.AppendBytes(b, v)
	}
	return b
}

// Unpack returns the values that Pack has made a state of. They lie in b. What is no such
// state is a *MessageError.
func Unpack(b []byte) (values [][]byte, err error) {
	n, b, err := codec.ReadUint(b)
	if err != nil {
		return nil, &MessageError{"a state that is no list"}
	}
	for range n {
		var v []byte
		if v, b, err = codec.ReadText(b); err != nil {
			return nil, &MessageError{"a list that is cut off"}
		}
		values = append(values, v)
	}
	if len(b) > 0 {
		return nil, &MessageError{"more after a list"}
	}
	return values, nil
}
