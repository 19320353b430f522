// Package geo is a package whose types another one uses.
package geo

import "github.com/packetmq/packetmq/codec"

// Point is a place on the map, in metres.
type Point struct{ X, Y float64 }

// Item has the name of a type of the other package.
type Item struct {
	At Point // where it lies
}

// Area encodes itself, as an array.
//
//packetmq:form array
type Area struct {
	From, To Point
	Empty    bool `msgpack:"empty"`
}

// MarshalMsg appends the area to a payload.
func (a *Area) MarshalMsg(b []byte) ([]byte, error) {
	b = codec.AppendArrayHeader(b, 3)
	for _, p := range []Point{a.From, a.To} {
		b = codec.AppendMapHeader(b, 2)
		b = codec.AppendFloat(codec.AppendString(b, "X"), p.X)
		b = codec.AppendFloat(codec.AppendString(b, "Y"), p.Y)
	}
	return codec.AppendBool(b, a.Empty), nil
}

// UnmarshalMsg takes the area from the front of a payload.
func (a *Area) UnmarshalMsg(b []byte) ([]byte, error) {
	rest, err := codec.Skip(b)
	if err != nil {
		return b, err
	}
	parts := struct {
		_msgpack struct{} `msgpack:",as_array"`

		From, To Point
		Empty    bool
	}{}
	err = new(codec.Msgpack).Decode(b[:len(b)-len(rest)], &parts)
	a.From, a.To, a.Empty = parts.From, parts.To, parts.Empty
	return rest, err
}

// Heading is a direction.
type Heading string

// The directions.
const (
	North Heading = "n" // up
	South Heading = "s"
)
