package capture

// What the sides of a conn tell each other about names and ids, read from the payloads of
// handshake_pubids and of updates.

import "github.com/packetmq/packetmq/codec"

// pubIDs is what a handshake_pubids tells.
type pubIDs struct {
	adapts bool
	ids    map[uint16]string
}

// readPubIDs reads the payload of a handshake_pubids. It is not ok if that is none.
func readPubIDs(payload []byte) (told pubIDs, ok bool) {
	m, ok := decodeMap(payload)
	if !ok {
		return told, false
	}
	told.adapts, _ = m["adapt"].(bool)
	told.ids = make(map[uint16]string)
	addTold(told.ids, m["idmap"])
	if details, ok := m["details"].(map[any]any); ok { // keys are numbers
		for bit, detail := range details {
			if n, ok := asUint(bit); ok && n == 0 {
				addOptional(told.ids, detail)
			}
		}
	}
	return told, true
}

// addOptional adds the ids of optional packets, a map in bytes of its own.
func addOptional(ids map[uint16]string, detail any) {
	b, ok := detail.([]byte)
	if text, isText := detail.(string); isText {
		b, ok = []byte(text), true
	}
	if !ok {
		return
	}
	if v, err := decodeAny(b); err == nil {
		addTold(ids, v)
	}
}

// readUpdate reads the payload of an update of the ids.
func readUpdate(payload []byte) map[uint16]string {
	ids := make(map[uint16]string)
	if m, ok := decodeMap(payload); ok {
		addTold(ids, m["add"])
	}
	return ids
}

// addTold adds the pairs of a map of names to ids.
func addTold(ids map[uint16]string, v any) {
	switch m := v.(type) {
	case map[string]any:
		for name, id := range m {
			if n, ok := asUint(id); ok && n <= 0xffff {
				ids[uint16(n)] = name
			}
		}
	case map[any]any: // names as bin are bytes, which Go cannot have as keys; the codec makes text of them
		for name, id := range m {
			text, isText := name.(string)
			if n, ok := asUint(id); ok && isText && n <= 0xffff {
				ids[uint16(n)] = text
			}
		}
	}
}

func decodeMap(payload []byte) (map[string]any, bool) {
	v, err := decodeAny(payload)
	if err != nil {
		return nil, false
	}
	m, ok := v.(map[string]any)
	return m, ok
}

func decodeAny(payload []byte) (any, error) {
	var m codec.Msgpack
	return m.DecodeAny(payload)
}

func asUint(v any) (uint64, bool) {
	switch n := v.(type) {
	case int64:
		return uint64(n), n >= 0
	case uint64:
		return n, true
	case int:
		return uint64(n), n >= 0
	case int8:
		return uint64(n), n >= 0
	case int16:
		return uint64(n), n >= 0
	case int32:
		return uint64(n), n >= 0
	case uint8:
		return uint64(n), true
	case uint16:
		return uint64(n), true
	case uint32:
		return uint64(n), true
	}
	return 0, false
}
