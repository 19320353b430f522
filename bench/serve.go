package bench

// The command serve: a server that answers every bench:echo.

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/command"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/websocket"
)

// What a server does with a payload between taking and giving it.
const (
	modeRaw     = "raw"     // nothing: the bytes go back
	modeTyped   = "typed"   // decodes it into a struct and encodes that
	modeMarshal = "marshal" // the same, by the struct's own MarshalMsg and UnmarshalMsg
	modeAny     = "any"     // decodes it into an any and encodes that
	modeCall    = "call"    // there are no packets: it answers calls, typed, which only their library makes
)

var (
	echoModes  = []string{modeRaw, modeTyped, modeMarshal, modeAny}
	serveModes = append(echoModes[:len(echoModes):len(echoModes)], modeCall)
)

func serveCommand(ctx context.Context, args []string, std command.IO) error {
	fs := flag.NewFlagSet("serve", flag.ContinueOnError)
	var listen addrs
	fs.Var(&listen, "listen", "`ADDR` to listen at, tcp://HOST:PORT or unix:///PATH; may be given several times (default tcp://127.0.0.1:0, which takes a free port)")
	mode := modeFlag(fs, modeRaw, "; call answers calls of bench:call in place of packets")
	loops := fs.Int("loops", 1, "event loops")
	adapt := fs.Bool("adapt", false, "take over the ids of clients, in place of insisting on its own")
	busy := fs.Bool("busy", false, "work of its own on the first loop: a posted function that posts itself, 100,000 timers a second, a memory client that sends as fast as it can")
	secure := fs.Bool("tls", false, "speak TLS, with a certificate made for the occasion, where --listen is not given")
	deadline := fs.Duration("deadline", 0, "how long a handshake, a frame and silence may take, in place of what each may by default")
	members := fs.Int("members", 0, "memory clients that are connected from the start, and leave all at once at SIGUSR2")
	rooms := fs.Bool("rooms", false, "let clients join rooms and subscribe to topics, by the packets bench:rooms and bench:topics")
	webSocket := fs.Bool("any", false, "take WebSocket at the same port, too, where --listen is not given")
	sessions := fs.Bool("sessions", false, "let clients begin sessions, 64 of each address")
	captured := fs.String("capture", "", "`FILE` into which all that enters the loops is captured")
	sums := fs.Bool("capture-sums", false, "capture checksums of the output in place of its bytes")
	control := fs.String("control", "", "`PATH` of a Unix socket at which to offer a hand-over, which has a second")
	untilEOF := fs.Bool("until-eof", false, "end when standard input does, as the pipe from another process")
	if err := tool().Parse(fs, args, command.Arguments{}, std); err != nil {
		return err
	}
	if err := checkMode(*mode, serveModes); err != nil {
		return err
	}
	if *loops < 1 {
		return command.Usagef("--loops %d: want at least 1", *loops)
	}
	if *deadline < 0 {
		return command.Usagef("--deadline %v: want more than none", *deadline)
	}
	if *members < 0 {
		return command.Usagef("--members %d: want at least 0", *members)
	}
	cfg := &peer.Config{
		Engine: &engine.Config{Loops: *loops},
		Times:  peer.Times{Handshake: *deadline, FrameTime: *deadline, Idle: *deadline},
	}
	if *members > 0 { // which take no descriptor
		cfg.Engine.MaxConns = engine.DefaultMaxConns + *members
	}
	if len(listen) == 0 {
		listen = addrs{"tcp://127.0.0.1:0"}
		if *secure {
			listen = addrs{"tls://127.0.0.1:0"}
		}
		if *webSocket {
			listen = addrs{"any://127.0.0.1:0"}
		}
	}
	if *secure {
		var err error
		if cfg.TLS, err = ownTLS(); err != nil {
			return err
		}
	}
	reg := registry.New()
	if *adapt {
		reg = registry.NewAdapting()
	}
	if *captured != "" {
		end, err := captureInto(*captured, *sums, cfg.Engine)
		if err != nil {
			return err
		}
		defer end(std.Err)
	}
	server, err := newServerOf(reg, *mode, cfg, std.Err)
	if err != nil {
		return err
	}
	if *rooms {
		if err := openRooms(server); err != nil {
			server.Close()
			return err
		}
	}
	if *sessions {
		openSessions(server)
	}
	if *untilEOF {
		ctx = withEOF(ctx, std.In)
	}
	return serve(ctx, server, listen, work{busy: *busy, members: *members, control: *control}, std)
}

// work is what a server has to do beside serving who comes.
type work struct {
	busy    bool
	members int
	control string // where it offers a hand-over; empty: nowhere
}

// modeFlag describes the modes of packets, and then what also says.
func modeFlag(fs *flag.FlagSet, value, also string) *string {
	return fs.String("mode", value, "what the server does with a payload: raw returns its bytes, typed decodes and encodes a struct, marshal does so by methods of that struct, any without knowing the type"+also)
}

func checkMode(mode string, modes []string) error {
	if slices.Contains(modes, mode) {
		return nil
	}
	last := len(modes) - 1
	return command.Usagef("--mode %q: want %s or %s", mode, strings.Join(modes[:last], ", "), modes[last])
}

// newServer makes a server that answers in one of the modes.
func newServer(mode string, loops int, log io.Writer) (*peer.Server, error) {
	return newServerOf(registry.New(), mode, &peer.Config{Engine: &engine.Config{Loops: loops}}, log)
}

// newServerOf is newServer with all that can be set, but for the loggers, which
// write to log.
func newServerOf(reg *registry.Registry, mode string, cfg *peer.Config, log io.Writer) (*peer.Server, error) {
	cfg.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	cfg.Engine.Logger = cfg.Logger
	server := peer.NewServer(reg, cfg)
	err := websocket.Enable(server, nil)
	if err != nil {
		server.Close()
		return nil, err
	}
	switch mode {
	case modeRaw:
		err = answerRaw(server)
	case modeTyped:
		err = answerTyped[payload](server)
	case modeMarshal:
		err = answerTyped[marshalled](server)
	case modeAny:
		err = answerAny(server)
	case modeCall:
		err = answerCalls(server)
	}
	if err != nil {
		server.Close()
		return nil, err
	}
	return server, nil
}

func answerRaw(s *peer.Server) error {
	reply, err := addUntyped(s.Registry())
	if err != nil {
		return err
	}
	s.Untyped().HandleRaw(echoName, func(c *peer.Conn, b []byte) error {
		return c.ReplyRaw(reply, b)
	})
	return nil
}

func answerTyped[P any](s *peer.Server) error {
	echo, err := registry.Add[P](s.Registry(), echoName, echoID, registry.Reuse())
	if err != nil {
		return err
	}
	reply, err := registry.Add[P](s.Registry(), replyName, replyID)
	if err != nil {
		return err
	}
	peer.Handle(s, echo, func(c *peer.Conn, p *P) error {
		return peer.Reply(c, reply, p)
	})
	return nil
}

func answerAny(s *peer.Server) error {
	reply, err := addUntyped(s.Registry())
	if err != nil {
		return err
	}
	s.Untyped().Handle(echoName, func(c *peer.Conn, v any) error {
		return c.Untyped().Reply(reply, v)
	})
	return nil
}

func addUntyped(reg *registry.Registry) (reply *registry.Type, err error) {
	if _, err := reg.AddObject(echoName, echoID, nil); err != nil {
		return nil, err
	}
	return reg.AddObject(replyName, replyID, nil)
}

// serve runs the server until ctx is done, and then shuts it down.
func serve(ctx context.Context, server *peer.Server, listen addrs, also work, std command.IO) error {
	defer server.Close()
	if err := server.RunAsync(); err != nil {
		return err
	}
	var busy *busyWork
	if also.busy {
		var err error
		if busy, err = startBusyWork(ctx, server); err != nil {
			return err
		}
	}
	if also.members > 0 {
		leave, err := gatherMembers(ctx, server, also.members)
		if err != nil {
			return err
		}
		defer leave()
		defer command.OnSignals(leaveSignals(), leave)()
	}
	defer command.OnSignals(statusSignals(), func() { fmt.Fprintln(std.Err, status(server, busy)) })()
	var listeners []*engine.Listener
	for _, addr := range listen {
		ln, err := server.Listen(addr)
		if err != nil {
			return err
		}
		listeners = append(listeners, ln)
	}
	if also.control != "" {
		offered, err := offerHandOver(also.control, listeners)
		if err != nil {
			return err
		}
		defer offered.Close()
	}
	for _, ln := range listeners {
		fmt.Fprintln(std.Out, "listening", urlOf(ln))
	}
	select {
	case <-ctx.Done():
		return server.Shutdown(context.WithoutCancel(ctx))
	case <-server.Reactor().Done():
		return errors.New("the reactor has failed") // and logged why
	}
}

// listenAt listens at addr and returns it with the real port.
func listenAt(server *peer.Server, addr string) (string, error) {
	ln, err := server.Listen(addr)
	if err != nil {
		return "", err
	}
	return urlOf(ln), nil
}

func urlOf(ln *engine.Listener) string { return ln.Addr().Network() + "://" + ln.Addr().String() }
