package call

import (
	"errors"
	"io"
	"log/slog"
	"testing"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// FuzzPackets gives a server any payload as a request and as an answer. The conn goes on, or
// ends with ReasonPayload; a good call works on it beside that.
func FuzzPackets(f *testing.F) {
	for _, seed := range []string{
		"\x93\x01\xcd\x03\xe8\xc0", "\x91\x05", "\x93\x01\xc0\xc0", "\x93\x01\x93\xa1a\xa1b\xc0\xc0", "\xc0", "\x90",
		"\x93\x01\xc0\x82\xa1N\x01\xa4Text\xa1x", "\xdc\x00\x03\x01\x00\xc0", "\xdc\x00\x01\x01", "\x93\xcf\xff\xff\xff\xff\xff\xff\xff\xff\x00\xc0",
		"\x93\x07\x00\x82\xa1N\x01\xa4Text\xa1x", "\x91\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "\x91\x00", "\x83\xa2ID\x01\xa2MS\x01\xa4Body\xc0",
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, payload []byte, asks bool) {
		v := engine.NewVirtual(nil)
		defer v.Close()
		var lost error
		quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
		s, c := newSide(false), newSide(true)
		s.Cfg = peer.Config{Reactor: v.Reactor(), Logger: quiet, Events: peer.Events{OnLost: func(_ *peer.Conn, reason error) { lost = reason }}}
		c.Cfg = peer.Config{Reactor: v.Reactor(), Logger: quiet}
		server, client := peer.NewMemoryServer(s.Reg, &s.Cfg), peer.NewMemoryClient(c.Reg, &c.Cfg)
		Handle(server, double, doubles)
		Handle(client, back, doubles)
		if err := client.ConnectAsync(server); err != nil {
			t.Fatal(err)
		}
		v.Settle(1000)
		conn := client.Default()
		for atServer := range server.Conns() { // so that the server handles answers
			Go(atServer, back, &ask{}, 0, func(*told, error) {})
		}
		v.Settle(1000)
		packet := back.Answer().In(c.Reg)
		if asks {
			packet = double.Request().In(c.Reg)
		}
		if err := conn.SendRaw(packet, payload); err != nil {
			t.Skip(err)
		}
		v.Settle(1000)
		if lost != nil {
			var fault *peer.PayloadError
			if !errors.Is(lost, peer.ReasonPayload) || !errors.As(lost, &fault) || StatsOf(server).Malformed != 1 {
				t.Fatalf("the conn ended with %v, counted %+v", lost, StatsOf(server))
			}
			return
		}
		came := false
		Go(conn, double, &ask{N: 4}, 0, func(a *told, err error) {
			came = true
			if err != nil || a.N != 8 {
				t.Errorf("the next call: %+v, %v", a, err)
			}
		})
		v.Settle(1000)
		if s := StatsOf(server); !came || s.Panics != 0 || s.Malformed != 0 {
			t.Errorf("the next call came %v, counted %+v", came, s)
		}
	})
}

// FuzzHead compares the head of a request with what decoding it yields.
func FuzzHead(f *testing.F) {
	f.Add([]byte("\x93\x01\xcd\x03\xe8\xc0"))
	f.Add([]byte("\x91\x05"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		n, id, err := head(payload)
		if err != nil && id != 0 || n == 1 && !mayCancel(payload) {
			t.Errorf("%x: %d, %d, %v", payload, n, id, err)
		}
		var r Request[ask]
		if new(codec.Msgpack).Decode(payload, &r) != nil || payload[0]&0xf0 != 0x90 && payload[0] != 0xdc && payload[0] != 0xdd {
			return
		}
		if n == 3 && id != r.ID || n != 3 && r.ID != 0 {
			t.Errorf("%x has %d elements and the id %d; decoded it has %d", payload, n, id, r.ID)
		}
	})
}
