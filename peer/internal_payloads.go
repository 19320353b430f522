package peer

// The payloads of this library's own packets: init, pubids, finish and softquit,
// each with its append and its parse. We send text as str, and take it as bin too,
// which is how Python 2 sends it.

import (
	"fmt"
	"strings"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

const protocolVersion = 1

// Keys of the internal packets' maps.
const (
	keyVersion  = "version"
	keyMaxFrame = "maxframe"  // an extension: the largest frame this side takes
	keyBeats    = "heartbeat" // an extension: this side answers heartbeats
	keyAdapt    = "adapt"
	keyIDMap    = "idmap"
	keyReason   = "reason"
	keyWhy      = "why"      // an extension of softquit: what a side that is denied may know
	keyAuth     = "auth"     // an extension of init: this side wants to be shown a token
	keyToken    = "token"    // an extension of pubids: the token
	keyFeatures = "features" // an extension of init: a bit for each feature
	keyDetails  = "details"  // an extension of pubids: what features tell of themselves
)

// initMsg is the payload of handshake_init.
type initMsg struct {
	version  uint64 // 0 when it was no number
	maxFrame uint64 // 0 when none was announced
	beats    bool
	auth     bool
	features features
}

func (m initMsg) append(b []byte) []byte {
	n := 1
	if m.maxFrame > 0 {
		n++
	}
	if m.beats {
		n++
	}
	if m.auth {
		n++
	}
	if m.features != 0 {
		n++
	}
	b = codec.AppendMapHeader(b, n)
	b = codec.AppendUint(codec.AppendString(b, keyVersion), m.version)
	if m.maxFrame > 0 {
		b = codec.AppendUint(codec.AppendString(b, keyMaxFrame), m.maxFrame)
	}
	if m.beats {
		b = codec.AppendBool(codec.AppendString(b, keyBeats), true)
	}
	if m.auth {
		b = codec.AppendBool(codec.AppendString(b, keyAuth), true)
	}
	if m.features != 0 {
		b = codec.AppendUint(codec.AppendString(b, keyFeatures), uint64(m.features))
	}
	return b
}

func parseInit(b []byte) (m initMsg, err error) {
	found := false
	err = eachPair(b, func(key string, b []byte) ([]byte, error) {
		switch key {
		case keyVersion:
			found = true
			return uintOrSkip(b, &m.version)
		case keyMaxFrame:
			return uintOrSkip(b, &m.maxFrame)
		case keyBeats:
			m.beats = len(b) > 0 && b[0] == 0xc3
		case keyAuth:
			m.auth = len(b) > 0 && b[0] == 0xc3
		case keyFeatures:
			var mask uint64
			b, err := uintOrSkip(b, &mask)
			m.features = features(mask) // further bits are of features that there are not here
			return b, err
		}
		return codec.Skip(b)
	})
	if err == nil && !found {
		err = fmt.Errorf("no %s", keyVersion)
	}
	return m, err
}

// pubIDsMsg is the payload of handshake_pubids.
type pubIDsMsg struct {
	adapt   bool
	unclear bool             // adapt was neither true nor false
	ids     []registry.Entry // their names share one copy of the input
	token   []byte           // a part of the input; nil: there is none
	details []detail         // parts of the input, each feature once
	idmap   []byte           // the input of ids; nil: there is none
}

// detail is what a side tells of a feature.
type detail struct {
	feature Feature
	b       []byte
}

// detail is what is told of a feature, or nil.
func (m *pubIDsMsg) detail(f Feature) []byte {
	for _, d := range m.details {
		if d.feature == f {
			return d.b
		}
	}
	return nil
}

func (m pubIDsMsg) append(b []byte) []byte {
	start := len(b)
	b = codec.AppendMapHeader(b, 2)
	b = codec.AppendBool(codec.AppendString(b, keyAdapt), m.adapt)
	b = appendIDs(codec.AppendString(b, keyIDMap), m.ids)
	return appendToken(b, start, m.token)
}

// appendToken adds a token, unless it is nil, to the payload of handshake_pubids that begins at
// start and ends b.
func appendToken(b []byte, start int, token []byte) []byte {
	if token == nil {
		return b
	}
	b[start]++ // a fixmap of two becomes one of three
	return codec.AppendBytes(codec.AppendString(b, keyToken), token)
}

// appendDetails adds what features tell to the payload of handshake_pubids that begins at start
// and ends b.
func appendDetails(b []byte, start int, details []detail) []byte {
	if len(details) == 0 {
		return b
	}
	b[start]++
	b = codec.AppendMapHeader(codec.AppendString(b, keyDetails), len(details))
	for _, d := range details {
		b = codec.AppendBytes(codec.AppendUint(b, uint64(d.feature)), d.b)
	}
	return b
}

// detailsSize is a bound on what appendDetails appends.
func detailsSize(details []detail) int {
	n := len(keyDetails) + 4
	for _, d := range details {
		n += len(d.b) + 7
	}
	return n
}

// tokenSize is a bound on what appendToken appends.
func tokenSize(token []byte) int {
	if token == nil {
		return 0
	}
	return len(keyToken) + len(token) + 4
}

// parsePubIDs reads the ids only if they are wanted: most conns tell what others have told before.
func parsePubIDs(b []byte, wanted bool) (m pubIDsMsg, err error) {
	var adapt, idmap bool
	err = eachPair(b, func(key string, b []byte) ([]byte, error) {
		switch key {
		case keyAdapt:
			adapt = true
			return m.parseAdapt(b)
		case keyIDMap:
			idmap = true
			rest, err := codec.Skip(b)
			if err == nil {
				m.idmap = b[:len(b)-len(rest)]
			}
			if err == nil && wanted {
				m.ids, rest, err = readIDs(b)
			}
			return rest, err
		case keyDetails:
			return m.parseDetails(b)
		case keyToken:
			if token, rest, err := codec.ReadText(b); err == nil {
				m.token = token
				return rest, nil
			}
		}
		return codec.Skip(b)
	})
	switch {
	case err != nil:
	case !adapt:
		err = fmt.Errorf("no %s", keyAdapt)
	case wanted && !idmap:
		err = errNoIDMap
	}
	return m, err
}

func (m *pubIDsMsg) parseAdapt(b []byte) (rest []byte, err error) {
	if m.adapt, rest, err = codec.ReadBool(b); err == nil {
		return rest, nil
	}
	n, rest, err := codec.ReadUint(b)
	if err == nil && n <= 1 {
		m.adapt = n == 1
		return rest, nil
	}
	m.unclear = true
	return codec.Skip(b)
}

// readIDs reads a map of names and ids.
func readIDs(b []byte) (ids []registry.Entry, rest []byte, err error) {
	n, b, err := codec.ReadMapHeader(b)
	if err != nil {
		return nil, nil, err
	}
	if n > registry.MaxNames {
		return nil, nil, fmt.Errorf("%d names, at most %d are taken", n, registry.MaxNames)
	}
	text := string(b)                                 // all names are parts of it: one allocation instead of one for each
	ids = make([]registry.Entry, 0, min(n, len(b)/2)) // a pair takes two bytes at least
	for range n {
		var name []byte
		var id uint64
		if name, b, err = codec.ReadText(b); err != nil {
			return nil, nil, err
		}
		from := len(text) - len(b) - len(name)
		if id, b, err = codec.ReadUint(b); err != nil {
			return nil, nil, err
		}
		if id > registry.MaxID {
			return nil, nil, fmt.Errorf("id %d is out of range", id)
		}
		ids = append(ids, registry.Entry{Name: text[from : from+len(name)], ID: uint16(id)})
	}
	return ids, b, nil
}

// appendIDs appends what readIDs reads.
func appendIDs(b []byte, ids []registry.Entry) []byte {
	b = codec.AppendMapHeader(b, len(ids))
	for _, e := range ids {
		b = codec.AppendUint(codec.AppendString(b, e.Name), uint64(e.ID))
	}
	return b
}

// parseDetails reads what features tell. What is of another form counts as missing, as for all
// extensions.
func (m *pubIDsMsg) parseDetails(b []byte) ([]byte, error) {
	n, rest, err := codec.ReadMapHeader(b)
	if err != nil {
		return codec.Skip(b)
	}
	for range n {
		f, after, err := codec.ReadUint(rest)
		if err != nil {
			return codec.Skip(b)
		}
		text, next, err := codec.ReadText(after)
		if err != nil {
			if next, err = codec.Skip(after); err != nil {
				return nil, err
			}
		} else if f <= uint64(MaxFeature) && m.detail(Feature(f)) == nil {
			m.details = append(m.details, detail{Feature(f), text})
		}
		rest = next
	}
	return rest, nil
}

// softquitMsg is the payload of softquit.
type softquitMsg struct{ reason Reason }

func (m softquitMsg) append(b []byte) []byte {
	b = codec.AppendMapHeader(b, 1)
	reason := m.reason[:min(len(m.reason), maxReason)]
	// Cut or not, it must be UTF-8: the other side may drop what is not.
	return codec.AppendString(codec.AppendString(b, keyReason), strings.ToValidUTF8(string(reason), ""))
}

// appendWhy appends the payload of softquit for a side that is denied and may know why.
func appendWhy(b []byte, why string) []byte {
	b = codec.AppendMapHeader(b, 2)
	b = codec.AppendString(codec.AppendString(b, keyReason), string(ReasonDenied))
	return codec.AppendString(codec.AppendString(b, keyWhy), strings.ToValidUTF8(why[:min(len(why), maxReason)], ""))
}

// parseWhy returns why this side was denied, from a payload that parseSoftquit has read. It is
// empty if the other side does not say.
func parseWhy(b []byte) (why string) {
	eachPair(b, func(key string, b []byte) ([]byte, error) {
		if text, rest, err := codec.ReadText(b); key == keyWhy && err == nil {
			why = strings.ToValidUTF8(string(text[:min(len(text), maxReason)]), "")
			return rest, nil
		}
		return codec.Skip(b)
	})
	return why
}

func parseSoftquit(b []byte) (m softquitMsg, err error) {
	found := false
	err = eachPair(b, func(key string, b []byte) ([]byte, error) {
		if key != keyReason {
			return codec.Skip(b)
		}
		found = true
		text, rest, err := codec.ReadText(b)
		m.reason = Reason(strings.ToValidUTF8(string(text[:min(len(text), maxReason)]), ""))
		return rest, err
	})
	if err == nil && !found {
		err = fmt.Errorf("no %s", keyReason)
	}
	return m, err
}

// finishMsg is the payload of handshake_finish, which says nothing.
type finishMsg struct{}

func (finishMsg) append(b []byte) []byte { return codec.AppendNil(b) }

func parseFinish(b []byte) error {
	rest, err := codec.ReadNil(b)
	if err == nil && len(rest) > 0 {
		err = codec.ErrTrailing
	}
	return err
}

// eachPair calls f with each key of the map b and the bytes after the key. f returns the bytes
// after the value. Nothing may follow the map.
func eachPair(b []byte, f func(key string, b []byte) ([]byte, error)) error {
	n, b, err := codec.ReadMapHeader(b)
	if err != nil {
		return err
	}
	for range n {
		var key []byte
		if key, b, err = codec.ReadText(b); err != nil {
			return err
		}
		if b, err = f(string(key), b); err != nil {
			return fmt.Errorf("%s: %w", key[:min(len(key), 64)], err)
		}
	}
	if len(b) > 0 {
		return codec.ErrTrailing
	}
	return nil
}

// uintOrSkip reads a number into v, or skips what is no number.
func uintOrSkip(b []byte, v *uint64) ([]byte, error) {
	n, rest, err := codec.ReadUint(b)
	if err != nil {
		return codec.Skip(b)
	}
	*v = n
	return rest, nil
}
