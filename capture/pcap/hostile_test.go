package pcap

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/capture"
)

// TestWiresharkTakesAnything has frames that are bent in many ways. The dissector may call them
// malformed, and must neither fail nor hang: tshark looks for "Lua Error".
func TestWiresharkTakesAnything(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	r, err := capture.Open(bytes.NewReader(capturedFile(t)))
	if err != nil {
		t.Fatal(err)
	}
	var both [2][]byte // sound streams of both directions
	for rec, err := range r.Records() {
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case len(rec.Data) > 4<<10: // the long ones would hide the others
		case rec.Kind == capture.Input:
			both[0] = append(both[0], rec.Data...)
		case rec.Kind == capture.Output:
			both[1] = append(both[1], rec.Data...)
		}
	}
	var out bytes.Buffer
	p := NewWriter(&out)
	at := time.Unix(1700000000, 0)
	for n := range uint64(400) {
		server, client := netip.MustParseAddrPort("10.0.0.1:7000"), netip.AddrPortFrom(netip.MustParseAddr("10.0.0.2"), uint16(1000+n))
		p.Open(at, n, server, client)
		for side, stream := range both {
			for b := range chunks(bent(rnd, stream), 1+rnd.IntN(300)) {
				p.Data(at, n, side == 1, b)
			}
		}
		p.End(at, n, false)
	}
	for i, payload := range hostilePayloads() {
		n := uint64(1000 + i)
		p.Open(at, n, netip.MustParseAddrPort("10.0.0.1:7000"), netip.AddrPortFrom(netip.MustParseAddr("10.0.0.3"), uint16(n)))
		for id := range uint16(17) {
			frame := binary.BigEndian.AppendUint32(nil, uint32(2+len(payload)))
			p.Data(at, n, false, append(binary.BigEndian.AppendUint16(frame, id), payload...))
		}
	}
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
	text := tshark(t, out.Bytes(), "-V", "-o", "packetmq.ports:7000")
	if !strings.Contains(text, "Malformed") || strings.Count(text, "Packet: ") < 1000 {
		t.Error("there is nothing malformed, or too little to be seen")
	}
	tshark(t, out.Bytes(), "-2", "-o", "packetmq.ports:7000")
}

// bent is a copy of b with some bytes changed, left out or put in.
func bent(rnd *rand.Rand, b []byte) []byte {
	b = bytes.Clone(b)
	for range 1 + rnd.IntN(8) {
		at := rnd.IntN(len(b) - 4)
		switch rnd.IntN(4) {
		case 0:
			b[at] = byte(rnd.Uint32())
		case 1:
			b = append(b[:at], b[at+1+rnd.IntN(3):]...)
		case 2:
			b = append(b[:at], append([]byte{0xdf, 0xff, 0xff, 0xff, 0xff}, b[at:]...)...)
		case 3:
			b[at] ^= 1 << rnd.IntN(8)
		}
	}
	return b
}

// hostilePayloads are payloads that ask for too much, or are of another kind than they should be.
func hostilePayloads() [][]byte {
	return [][]byte{
		{}, {0xc1}, {0xdf, 0xff, 0xff, 0xff, 0xff}, {0xdd, 0xff, 0xff, 0xff, 0xff, 0xc0}, {0xdb, 0xff, 0xff, 0xff, 0xff, 'a'},
		bytes.Repeat([]byte{0x91}, 5000), bytes.Repeat([]byte{0x81, 0xa1, 'a'}, 5000), bytes.Repeat([]byte{0xdd, 0, 1, 0, 0}, 500),
		append([]byte{0xdc, 0xff, 0xff}, bytes.Repeat([]byte{0xc0}, 0xffff)...),
		[]byte("\x81\xa5idmap\x81\xa1a\xa1b"), []byte("\x81\xa5idmap\xc0"), []byte("\x81\xa5adapt\xa1x"), []byte("\x81\xa7details\x81\x00\xc4\x02\xdf\xff"),
		[]byte("\x82\xa5adapt\xc2\xa5idmap\x82\xa1a\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xa1b\x14"), []byte("\x81\xa6reason\x90"), []byte("\x81\x90\xc0"),
		{0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0}, {0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0}, {0xc7, 0, 5}, {0xd7, 0xff, 1, 2, 3, 4, 5, 6, 7, 8}, {0, 2}, {0, 20, 0xc1},
		[]byte("\xa4\xff\xfe\x00\x01"), []byte("\xd9\x03%s%n"),
	}
}
