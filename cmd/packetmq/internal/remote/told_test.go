package remote

import (
	"encoding/hex"
	"reflect"
	"testing"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The handshake of the Python library, as PROTOCOL.md has it.
const (
	pythonInit   = "81a776657273696f6e01"
	python2Init  = "81c40776657273696f6e01"
	pythonPubIDs = "82a56164617074c2a569646d617086b77061636b65746d713a68616e647368616b655f696e697400b17061636b65746d713a736f667471756974" +
		"01b97061636b65746d713a68616e647368616b655f70756269647302b97061636b65746d713a68616e647368616b655f66696e69736803a86170703a70696e6711a86170703a706f6e6712"
)

func TestToldByThePythonLibrary(t *testing.T) {
	for _, init := range []string{pythonInit, python2Init} {
		var told Told
		if err := told.readInit(unhex(t, init)); err != nil {
			t.Fatal(err)
		}
		if err := told.readPubIDs(unhex(t, pythonPubIDs)); err != nil {
			t.Fatal(err)
		}
		want := Told{Version: 1, Packets: []Packet{{Name: "app:ping", ID: 17}, {Name: "app:pong", ID: 18}}}
		if !reflect.DeepEqual(told, want) {
			t.Errorf("told %+v, want %+v", told, want)
		}
	}
}

// Values of another kind count as missing; a handshake of another form is an error.
func TestToldInOddForms(t *testing.T) {
	var told Told
	// {version: 1, maxframe: "x", features: 0x41, heartbeat: 1}
	init := "84a776657273696f6e01a86d61786672616d65a178a8666561747572657341a968656172746265617401"
	if err := told.readInit(unhex(t, init)); err != nil {
		t.Fatal(err)
	}
	want := Told{Version: 1, Features: []string{"optional packets", "bit 6"}}
	if !reflect.DeepEqual(told, want) {
		t.Errorf("told %+v, want %+v", told, want)
	}
	for _, bad := range []string{"", "80", "c0", "82a776657273696f6e01"} {
		if err := new(Told).readInit(unhex(t, bad)); err == nil {
			t.Errorf("the init %s was taken", bad)
		}
	}
	for _, bad := range []string{"", "c0", "81a569646d617081a161a162", "81a569646d617081a161ce00010000"} {
		if err := new(Told).readPubIDs(unhex(t, bad)); err == nil {
			t.Errorf("the pubids %s was taken", bad)
		}
	}
}

func FuzzTold(f *testing.F) {
	f.Add(unhex(f, pythonInit))
	f.Add(unhex(f, pythonPubIDs))
	f.Fuzz(func(t *testing.T, b []byte) {
		new(Told).readInit(b)
		new(Told).readPubIDs(b)
	})
}

// takes takes a part of what comes, as a conn that has had its share does.
type takes struct {
	engine.Sink
	most int
	got  []byte
}

func (s *takes) Received(b []byte) int {
	n := min(s.most, len(b))
	s.got = append(s.got, b[:n]...)
	return n
}

// However the input is cut and taken, each frame is shown once, and the conn gets all bytes.
func TestTapShowsEachFrameOnce(t *testing.T) {
	var stream []byte
	for id := range uint16(5) {
		stream = codec.AppendFrame(stream, id, make([]byte, id))
	}
	for most := 1; most < 12; most++ {
		for piece := 1; piece < len(stream); piece++ {
			var ids []uint16
			inner := &takes{most: most}
			sink := newTap(nil, func(f codec.Frame) { ids = append(ids, f.ID()) }).sink
			sink.Sink = inner
			var kept []byte
			for from := 0; from < len(stream); from += piece {
				kept = append(kept, stream[from:min(from+piece, len(stream))]...)
				kept = kept[sink.Received(kept):]
			}
			for len(kept) > 0 {
				kept = kept[sink.Received(kept):]
			}
			if !reflect.DeepEqual(ids, []uint16{0, 1, 2, 3, 4}) || string(inner.got) != string(stream) {
				t.Fatalf("pieces of %d, of which %d are taken: frames %v", piece, most, ids)
			}
		}
	}
}
