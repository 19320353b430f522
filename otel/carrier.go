package otel

import (
	"maps"
	"slices"

	"github.com/packetmq/packetmq/codec"
)

// most is how many pairs are read.
const most = 16

// carrier is what travels: names and values, as headers of HTTP have them. On the wire it is
// a msgpack map of text to text.
type carrier map[string]string

// Get implements propagation.TextMapCarrier.
func (m carrier) Get(name string) string { return m[name] }

// Set implements propagation.TextMapCarrier.
func (m carrier) Set(name, value string) { m[name] = value }

// Keys implements propagation.TextMapCarrier.
func (m carrier) Keys() []string { return slices.Collect(maps.Keys(m)) }

// append appends m to b, in the order of the names. An empty m is nothing.
func (m carrier) append(b []byte) []byte {
	if len(m) == 0 {
		return b
	}
	b = codec.AppendMapHeader(b, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		b = codec.AppendString(codec.AppendString(b, name), m[name])
	}
	return b
}

// read reads what append has written. Of what another side has written, that which cannot be
// read is left out: a trace is not worth a conn.
func read(b []byte) carrier {
	m := make(carrier)
	n, b, err := codec.ReadMapHeader(b)
	if err != nil {
		return m
	}
	for range min(n, most) {
		var name, value []byte
		if name, b, err = codec.ReadText(b); err != nil {
			return m
		}
		if value, b, err = codec.ReadText(b); err != nil {
			return m
		}
		m[string(name)] = string(value)
	}
	return m
}
