package arpcpeer

import "github.com/vmihailenco/msgpack/v5"

// mp encodes bodies in msgpack. The library's own encoding is JSON.
type mp struct{}

func (mp) Marshal(v any) ([]byte, error)   { return msgpack.Marshal(v) }
func (mp) Unmarshal(b []byte, v any) error { return msgpack.Unmarshal(b, v) }
