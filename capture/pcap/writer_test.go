package pcap

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

// segments reads the packets of a file.
func segments(t *testing.T, file []byte) (all [][]byte) {
	t.Helper()
	if len(file) < 24 || binary.BigEndian.Uint32(file) != magicNano {
		t.Fatalf("the file begins with % x", file[:min(len(file), 24)])
	}
	for b := file[24:]; len(b) > 0; {
		n := binary.BigEndian.Uint32(b[8:])
		all = append(all, b[16:16+n])
		b = b[16+n:]
	}
	return all
}

func TestSegmentsAreThoseOfAConn(t *testing.T) {
	for name, addrs := range map[string][2]string{
		"IPv4": {"10.0.0.1:7000", "10.0.0.2:40000"},
		"IPv6": {"[fe80::1]:7000", "[fe80::2]:40000"},
	} {
		t.Run(name, func(t *testing.T) {
			var file bytes.Buffer
			p := NewWriter(&file)
			at := time.Unix(1, 2)
			p.Open(at, 1, netip.MustParseAddrPort(addrs[0]), netip.MustParseAddrPort(addrs[1]))
			p.Data(at, 1, true, make([]byte, maxData+10))
			p.Data(at, 1, false, []byte("odd"))
			p.Data(at, 2, false, []byte("a conn that is not there"))
			p.End(at, 1, false)
			p.Data(at, 1, true, []byte("after the end"))
			if err := p.Flush(); err != nil {
				t.Fatal(err)
			}
			all := segments(t, file.Bytes())
			var next [2]uint32 // sequence numbers by the port's parity: 7000 and 40000
			var data [2]int
			for i, b := range all {
				head := 20
				if b[0]>>4 == 6 {
					head = 40
				} else if checksum(b[:20], 0) != 0 {
					t.Errorf("segment %d: the IP header's checksum is wrong", i)
				}
				src, _ := netip.AddrFromSlice(b[12:16])
				dst, _ := netip.AddrFromSlice(b[16:20])
				if head == 40 {
					src, _ = netip.AddrFromSlice(b[8:24])
					dst, _ = netip.AddrFromSlice(b[24:40])
				}
				tcp := b[head:]
				if checksum(tcp, pseudoSum(src, dst, len(tcp))) != 0 {
					t.Errorf("segment %d: TCP's checksum is wrong", i)
				}
				side := 0
				if binary.BigEndian.Uint16(tcp) == 40000 {
					side = 1
				}
				if seq := binary.BigEndian.Uint32(tcp[4:]); seq != next[side] {
					t.Errorf("segment %d begins at %d, want %d", i, seq, next[side])
				}
				data[side] += len(tcp) - 20
				next[side] += uint32(len(tcp) - 20)
				if tcp[13]&(syn|fin) != 0 {
					next[side]++
				}
			}
			if len(all) != 3+3+3 || data != [2]int{maxData + 10, 3} {
				t.Errorf("%d segments, with %d bytes of data", len(all), data)
			}
		})
	}
}

func TestConnsWithoutAddressesHaveTheirOwn(t *testing.T) {
	var file bytes.Buffer
	p := NewWriter(&file)
	p.Open(time.Unix(1, 0), 7, netip.AddrPort{}, netip.AddrPort{})
	p.Open(time.Unix(1, 0), 8, netip.AddrPort{}, netip.AddrPort{})
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
	all := segments(t, file.Bytes())
	if len(all) != 6 || bytes.Equal(all[0][:24], all[3][:24]) {
		t.Errorf("%d segments, and the conns look alike: % x", len(all), all[0][:24])
	}
}
