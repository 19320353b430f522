package wire

import "testing"

func TestPacketCheck(t *testing.T) {
	p := NewPacket(7, 8, 64)
	good := EncodeFrame(IDReply, p.Append(nil))[4:]
	if err := p.Check(good, true); err != nil {
		t.Error(err)
	}
	for i := range good {
		bad := append([]byte(nil), good...)
		bad[i] ^= 1
		if p.Check(bad, true) == nil {
			t.Errorf("a change of byte %d is not seen", i)
		}
	}
	for _, other := range []Packet{{8, 8, 64}, {7, 9, 64}, {7, 8, 63}} {
		if p.Check(EncodeFrame(IDReply, other.Append(nil))[4:], false) == nil {
			t.Errorf("%v passes for %v", other, p)
		}
	}
}
