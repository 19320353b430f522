package codec

import (
	"bytes"
	"math"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// player is a packet as an application would write it, 64 bytes encoded.
type player struct {
	ID    uint32  `msgpack:"id"`
	Name  string  `msgpack:"name"`
	X     float64 `msgpack:"x"`
	Y     float64 `msgpack:"y"`
	Level int     `msgpack:"level"`
	Alive bool    `msgpack:"alive"`
	Team  uint8   `msgpack:"team"`
}

func samplePlayer() player {
	return player{ID: 70000, Name: "player1", X: 1.5, Y: -2.25, Level: 12, Alive: true, Team: 3}
}

// sampleRoster is 1 KiB of records, encoded.
func sampleRoster() []player {
	r := make([]player, 16)
	for i := range r {
		r[i] = samplePlayer()
		r[i].ID += uint32(i)
	}
	return r
}

// sampleInts is 1 KiB of one-byte integers, encoded.
func sampleInts() []int {
	s := make([]int, 1021)
	for i := range s {
		s[i] = i & 127
	}
	return s
}

// fast is a player with the methods that tinylib/msgp would generate.
type fast player

func (p *fast) MarshalMsg(b []byte) ([]byte, error) {
	b = AppendMapHeader(b, 7)
	b = AppendUint(AppendString(b, "id"), uint64(p.ID))
	b = AppendString(AppendString(b, "name"), p.Name)
	b = AppendFloat(AppendString(b, "x"), p.X)
	b = AppendFloat(AppendString(b, "y"), p.Y)
	b = AppendInt(AppendString(b, "level"), int64(p.Level))
	b = AppendBool(AppendString(b, "alive"), p.Alive)
	b = AppendUint(AppendString(b, "team"), uint64(p.Team))
	return b, nil
}

func (p *fast) UnmarshalMsg(b []byte) ([]byte, error) {
	n, b, err := ReadMapHeader(b)
	if err != nil {
		return b, err
	}
	for range n {
		var key, name []byte
		var v uint64
		if key, b, err = ReadText(b); err != nil {
			return b, err
		}
		switch string(key) {
		case "id":
			v, b, err = ReadUint(b)
			p.ID = uint32(v)
		case "level":
			var level int64
			level, b, err = ReadInt(b)
			p.Level = int(level)
		case "x":
			p.X, b, err = ReadFloat(b)
		case "y":
			p.Y, b, err = ReadFloat(b)
		case "team":
			v, b, err = ReadUint(b)
			p.Team = uint8(v)
		case "alive":
			p.Alive, b, err = ReadBool(b)
		case "name":
			if name, b, err = ReadText(b); string(name) != p.Name {
				p.Name = string(name)
			}
		default:
			b, err = Skip(b)
		}
		if err != nil {
			return b, err
		}
	}
	return b, nil
}

// compact is v as msgpack/v5 alone encodes it.
func compact(v any) []byte {
	var buf bytes.Buffer
	e := msgpack.NewEncoder(&buf)
	e.UseCompactInts(true)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

// equal compares values as DecodeAny makes them. NaNs are equal, times are if
// they are the same instant.
func equal(a, b any) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case float64:
		b, ok := b.(float64)
		return ok && (a == b || math.IsNaN(a) && math.IsNaN(b))
	case []byte:
		b, ok := b.([]byte)
		return ok && a != nil && b != nil && bytes.Equal(a, b)
	case Ext:
		b, ok := b.(Ext)
		return ok && a.Type == b.Type && bytes.Equal(a.Data, b.Data)
	case time.Time:
		b, ok := b.(time.Time)
		return ok && a.Equal(b)
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) || a == nil || b == nil {
			return false
		}
		for i := range a {
			if !equal(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) || a == nil || b == nil {
			return false
		}
		for k, v := range a {
			if w, ok := b[k]; !ok || !equal(v, w) {
				return false
			}
		}
		return true
	case map[any]any:
		b, ok := b.(map[any]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, v := range a {
			if k != k {
				continue // NaN, which no lookup finds
			}
			if w, ok := b[k]; !ok || !equal(v, w) {
				return false
			}
		}
		return true
	}
	return a == b
}
