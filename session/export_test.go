package session

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// echoing answers each packet of a session in the session.
func echoing(h peer.Host, got *atomic.Int64) {
	peer.Handle(h, news, func(c *peer.Conn, v *note) error {
		got.Add(1)
		return Send(Of(c), news, v)
	})
}

// Sessions go from one server to another while their clients send and are answered: nothing is
// lost, and nothing comes twice.
func TestExportUnderTraffic(t *testing.T) {
	leak.Check(t)
	const clients, packets = 20, 400
	old := newPair(t, Config{})
	var atOld, atNew atomic.Int64
	echoing(old.server, &atOld)
	ln, err := old.server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := "tcp://" + ln.Addr().String()
	reg := registry.NewAdapting()
	reg.MustAdd(news, plain)
	cli := peer.NewClient(reg, &peer.Config{Reconnect: old.backoff})
	done := make(chan struct{}, clients)
	half := make(chan struct{}, clients)
	peer.Handle(cli, news, func(c *peer.Conn, v *note) error {
		s := Of(c)
		next := s.Data().(int)
		if v.N != next {
			t.Errorf("%v: got %d, want %d", s, v.N, next)
		}
		s.SetData(next + 1)
		switch v.N {
		case packets / 2:
			half <- struct{}{}
		case packets - 1:
			done <- struct{}{}
		}
		if next = v.N + 10; next < packets {
			return Send(s, news, &note{next})
		}
		return nil
	})
	cli.RunAsync()
	t.Cleanup(func() { cli.Close() })
	begin := func(s *Session) {
		s.Loop().Post(func() { // before the answers, which have more sent
			for n := range 10 {
				send(t, s, n)
			}
		})
	}
	var all []*Session
	for range clients {
		s, err := Dial(t.Context(), cli, addr, nil)
		if err != nil {
			t.Fatal(err)
		}
		s.SetData(0)
		all = append(all, s)
	}
	for _, s := range all[1:] {
		begin(s)
	}
	fresh := newPair(t, Config{})
	echoing(fresh.server, &atNew)
	ln.Close()
	if _, err := fresh.server.Listen(addr); err != nil {
		t.Fatal(err)
	}
	first := true
	err = old.sessions.Export(t.Context(), func(s *Session) []byte { return []byte(s.String()) }, func(s *Session, data []byte) error {
		if first { // its client begins only now, so that there is traffic left for the new server
			first = false
			begin(all[0])
			for range clients / 2 {
				await.Value(t, "half of it", half)
			}
		}
		there, blob, err := fresh.sessions.Import(data)
		if err == nil && string(blob) != there.String() {
			t.Errorf("the blob of %v is %q", there, blob)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for range clients {
		await.Value(t, "end of the traffic", done)
	}
	if n := atOld.Load() + atNew.Load(); n != clients*packets || atNew.Load() == 0 {
		t.Errorf("the servers have handled %d and %d packets, want %d", atOld.Load(), atNew.Load(), clients*packets)
	}
	if old.sessions.Len() != 0 || fresh.sessions.Len() != clients {
		t.Errorf("there are %d and %d sessions", old.sessions.Len(), fresh.sessions.Len())
	}
	ends := slices.DeleteFunc(old.heard.all(), func(s string) bool { return s != "end: "+ErrExported.Error() })
	if len(ends) != clients {
		t.Errorf("the old program was told %q", old.heard.all())
	}
}

// What was not given away goes on where it was.
func TestExportThatFails(t *testing.T) {
	leak.Check(t)
	p := newPair(t, Config{})
	s, err := DialMemory(t.Context(), p.client(t), p.server, nil)
	if err != nil {
		t.Fatal(err)
	}
	far := await.Value(t, "session", p.fresh)
	no := errors.New("no")
	err = p.sessions.Export(t.Context(), nil, func(s *Session, data []byte) error {
		if err := Send(s, news, &note{}); err != ErrExported {
			t.Errorf("a send meanwhile: %v", err)
		}
		return no
	})
	if !errors.Is(err, no) {
		t.Errorf("Export returns %v", err)
	}
	p.sessions.Resume()
	send(t, s, 1)
	wantSequence(t, p.got, 1, 1)
	await.True(t, "the session is back", func() bool { return !far.Away() })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.sessions.Export(ctx, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Export with a ctx that is done returns %v", err)
	}
}

// A session that is told to end while it is given away ends if it stays.
func TestEndDuringExport(t *testing.T) {
	leak.Check(t)
	ended := make(chan ends, 1)
	p := newPair(t, Config{OnEnd: func(s *Session, reason error, unacked []Packet) { ended <- ends{s, reason, unacked} }})
	if _, err := DialMemory(t.Context(), p.client(t), p.server, nil); err != nil {
		t.Fatal(err)
	}
	far := await.Value(t, "session", p.fresh)
	p.sessions.Export(t.Context(), nil, func(s *Session, data []byte) error {
		s.End("test.over")
		return errors.New("no")
	})
	if e := await.Value(t, "end", ended); e.s != far || e.reason != peer.Reason("test.over") {
		t.Errorf("it ended with %v", e.reason)
	}
}

var sample = exported{
	id: ID{1, 2, 3}, secret: secret{1}, next: secret{2}, renewing: true, unconfirmed: true, in: 1 << 40, acked: 7, claim: 5,
	theirs: window{4096, 1 << 18}, packets: []exportedPacket{{"test:news", []byte{0x91, 1}}, {"test:news", []byte{0x91, 2}}}, blob: []byte("blob"),
	restored: true, sent: 8,
}

// What cannot be imported is refused, and changes nothing.
func TestImportRefuses(t *testing.T) {
	p := newPair(t, Config{Service: Service{Sessions: 1}})
	good := sample.append(nil)
	other := sample
	other.packets = []exportedPacket{{"test:unknown", []byte{1}}}
	other.sent = other.last()
	tooMany, tooFew := sample, sample
	tooMany.sent, tooFew.sent = sample.last()+1, sample.acked-1
	for name, data := range map[string][]byte{
		"nothing": nil, "cut off": good[:len(good)-1], "trailing": append(bytes.Clone(good), 1),
		"another version": append([]byte{good[0], exportVersion + 1}, good[2:]...), "unknown packet": other.append(nil),
		"more sent than there is": tooMany.append(nil), "less sent than acknowledged": tooFew.append(nil),
	} {
		_, _, err := p.sessions.Import(data)
		if bad := (*ExportError)(nil); !errors.As(err, &bad) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if p.sessions.Len() != 0 {
		t.Error("there is a session")
	}
	s, blob, err := p.sessions.Import(good)
	if err != nil || string(blob) != "blob" || s.ID() != sample.id {
		t.Errorf("imported %v, %q, %v", s, blob, err)
	}
	if n, _ := s.Pending(); n != 2 {
		t.Errorf("it has %d packets", n)
	}
	if _, _, err := p.sessions.Import(good); !errors.Is(err, ErrExists) {
		t.Errorf("a second time: %v", err)
	}
	another := sample
	another.id.Seq++
	if _, _, err := p.sessions.Import(another.append(nil)); !errors.Is(err, ErrTooMany) {
		t.Errorf("one more: %v", err)
	}
}

// What a server of the version before has exported is imported: it is no session that comes from a
// copy, and its client may have all of its packets.
func TestImportOfTheVersionBefore(t *testing.T) {
	data := sample.append(nil)
	data[0] -= exportedFields - olderFields // the header of the array
	data[1] = olderVersion
	x, err := readExported(data[:len(data)-2])
	if err != nil {
		t.Fatal(err)
	}
	want := sample
	want.restored, want.sent = false, sample.last()
	if !reflect.DeepEqual(x, &want) {
		t.Errorf("read %+v, want %+v", x, want)
	}
	if _, err := readExported(data); err == nil {
		t.Error("fields that it has not are read")
	}
}

func FuzzImport(f *testing.F) {
	f.Add(sample.append(nil))
	f.Add((&exported{}).append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := readExported(b)
		if err != nil {
			return
		}
		again, err := readExported(x.append(nil))
		if err != nil || !reflect.DeepEqual(x.append(nil), again.append(nil)) {
			t.Errorf("%+v comes back as %+v, %v", x, again, err)
		}
	})
}
