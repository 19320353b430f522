package capture

import (
	"bytes"
	"context"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/websocket"
)

// replayed plays the capture of a world to a server with cfg that echoes, and expects no difference.
// It returns how many records of each kind there are.
func (w *world) replayed(t *testing.T, cfg *peer.Config) map[Kind]int {
	t.Helper()
	kinds := make(map[Kind]int)
	for _, rec := range w.records(t) {
		kinds[rec.Kind]++
	}
	result, err := Play(bytes.NewReader(w.file.bytes()), func(r *engine.Reactor) Program {
		reg, logins, lines := testRegistry(false, 20)
		cfg.Reactor = r
		srv := peer.NewServer(reg, cfg)
		echo(srv, logins, lines)
		return Program{Server: srv}
	}, nil)
	if err != nil || result.Compared == 0 {
		t.Errorf("the result is %+v, %v", result, err)
	}
	for _, d := range result.Differences {
		t.Error(d)
	}
	return kinds
}

// A conn that says nothing is ended when its time is over, in the replay too.
func TestDeadlinesComeWhenTheyCame(t *testing.T) {
	leak.Check(t)
	times := peer.Times{Handshake: time.Millisecond}
	w := startWorld(t, Config{}, func(_ *world, pc *peer.Config) { pc.Times = times })
	nc, err := net.Dial("tcp", w.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	await.Value(t, "end", w.lost)
	nc.Close()
	await.True(t, "the conn is gone", func() bool { return w.srv.Reactor().Conns() == 0 })
	w.end(t)
	if kinds := w.replayed(t, &peer.Config{Times: times}); kinds[Expired] == 0 {
		t.Errorf("nothing has expired: %v", kinds)
	}
}

// A shutdown asks each conn to end, in the replay too.
func TestAShutdownIsPlayed(t *testing.T) {
	leak.Check(t)
	w := startWorld(t, Config{}, nil)
	w.connect(t, nil).say(t, "good night")
	if err := w.srv.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	w.end(t)
	if kinds := w.replayed(t, &peer.Config{}); kinds[Drained] != 1 {
		t.Errorf("%d conns were asked to end", kinds[Drained])
	}
}

func TestSeveralLoopsArePlayed(t *testing.T) {
	leak.Check(t)
	w := startWorld(t, Config{}, func(_ *world, pc *peer.Config) { pc.Engine.Loops = 2 })
	for range 4 {
		c := w.connect(t, nil)
		for range 10 {
			c.say(t, "hello")
		}
	}
	w.end(t)
	w.replayed(t, &peer.Config{})
	loops := make(map[int]bool)
	for _, rec := range w.records(t) {
		loops[rec.Loop] = true
	}
	if len(loops) != 2 {
		t.Errorf("the loops are %v", loops)
	}
}

// What came by WebSocket is played without it.
func TestConnsOverWebSocketArePlayed(t *testing.T) {
	leak.Check(t)
	w := startWorld(t, Config{}, nil)
	websocket.Enable(w.srv, nil)
	l, err := w.srv.Listen("ws://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.addr = "ws://" + l.Addr().String()
	w.connect(t, nil).say(t, "over the web")
	w.end(t)
	w.replayed(t, &peer.Config{})
	file := w.file.bytes()
	if bytes.Contains(file, []byte("Sec-WebSocket")) || !bytes.Contains(file, []byte("over the web")) {
		t.Error("the bytes are not those of packetmq")
	}
}

// Pressure that was told then is told in the replay, though nothing waits there.
func TestPressureIsPlayed(t *testing.T) {
	file := fileOf(
		Record{Kind: Start, N: version, Bytes: 1},
		Record{Kind: Opened, Conn: 1, Network: "tcp", Local: "10.0.0.1:7000", Remote: "10.0.0.2:40000"},
		Record{Kind: Pressed, Conn: 1, Continued: true},
		Record{Kind: Pressed, Conn: 1},
	)
	var told []bool
	_, err := Play(bytes.NewReader(file), func(r *engine.Reactor) Program {
		reg, _, _ := testRegistry(false, 20)
		cfg := &peer.Config{Reactor: r}
		cfg.SkipHandshake = true
		cfg.OnPressure = func(_ *peer.Conn, above bool) { told = append(told, above) }
		return Program{Server: peer.NewServer(reg, cfg)}
	}, nil)
	if err != nil || !slices.Equal(told, []bool{true, false}) {
		t.Errorf("it was told %v, %v", told, err)
	}
}
