package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"testing"

	"github.com/packetmq/packetmq/registry"
)

// What is asked of a conn, a peer, a packet or a handler that is none is an
// error that says which of them.
func TestNothingIsAnError(t *testing.T) {
	s := newSide(false, 17, 18)
	server := NewServer(s.reg, nil)
	client := NewClient(newSide(true, 40, 41).reg, nil)
	memory := NewMemoryServer(s.reg, nil)
	defer server.Close()
	defer client.Close()
	defer memory.Close()
	v, raw := &note{}, []byte{0, 17, 0xc0}
	_, far := net.Pipe()
	tests := map[string]func() error{}
	for name, c := range map[string]*Conn{"nil conn": nil, "zero conn": {}, "default of a client that is not connected": client.Default()} {
		for call, f := range map[string]func() error{
			"Send":             func() error { return Send(c, s.ping, v) },
			"Reply":            func() error { return Reply(c, s.ping, v) },
			"Conn.Send":        func() error { return c.Untyped().Send("test:ping", v) },
			"Conn.Reply":       func() error { return c.Untyped().Reply("test:ping", v) },
			"Conn.SendRaw":     func() error { return c.SendRaw(s.ping.In(s.reg), raw[2:]) },
			"Conn.ReplyRaw":    func() error { return c.ReplyRaw(s.ping.In(s.reg), raw[2:]) },
			"Conn.SendEncoded": func() error { return c.Untyped().SendEncoded(raw) },
			"Conn.RecvEncoded": func() error { return c.Untyped().RecvEncoded(raw) },
			"Conn.RecvPacket":  func() error { return c.Untyped().RecvPacket("test:ping", v) },
			"Conn.Softquit":    func() error { return c.Softquit("") },
			"Peer.Send":        func() error { return server.Untyped().Send(c, "test:ping", v) },
			"Peer.SendEncoded": func() error { return server.Untyped().SendEncoded(c, raw) },
			"Peer.RecvEncoded": func() error { return server.Untyped().RecvEncoded(c, raw) },
			"Peer.RecvPacket":  func() error { return server.Untyped().RecvPacket(c, "test:ping", v) },
			"Peer.Softquit":    func() error { return server.Untyped().Softquit(c, "") },
			"SendTo":           func() error { return SendTo(server, c, s.ping, v) },
		} {
			tests[call+", "+name] = func() error { return want(f(), ErrNoConn) }
		}
	}
	for name, to := range map[string]any{"negative": -1, "a float": 1.5, "a string": "1", "none of a server": nil, "a peer that it has no conn to": client} {
		tests["Peer.Send to "+name] = func() error { return want(server.Untyped().Send(to, "test:ping", v), ErrNoConn) }
	}
	for name, h := range map[string]Host{
		"nil host": nil, "nil server": (*Server)(nil), "nil client": (*Client)(nil), "nil peer": (*Peer)(nil),
		"zero server": &Server{}, "zero client": &Client{}, "zero peer": &Peer{}, "zero memory server": &MemoryServer{}, "server of a zero peer": &Server{&Peer{}},
		"program's type with a nil server": game{}, "program's type with a zero server": game{&Server{}},
		"pointer to a program's type with a nil server": &game{}, "nil pointer to a program's type": (*game)(nil), "program's type with a nil host": lobby{},
	} {
		tests["Handle, "+name] = func() error {
			return want(panicked(func() { Handle(h, s.ping, func(*Conn, *note) error { return nil }) }), ErrNoPeer)
		}
		tests["HandleRaw, "+name] = func() error {
			return want(panicked(func() { HandleRaw(h, s.ping, func(*Conn, []byte) error { return nil }) }), ErrNoPeer)
		}
		tests["Broadcast, "+name] = func() error { return want(Broadcast(h, s.ping, v), ErrNoPeer) }
		tests["SendTo, "+name] = func() error { return want(SendTo(h, 1, s.ping, v), ErrNoPeer) }
		tests["Peer.Send to "+name] = func() error {
			if h == nil {
				return nil // which names the default
			}
			return want(memory.Untyped().Send(h, 17, v), ErrNoPeer)
		}
	}
	for name, p := range map[string]*Peer{"nil": nil, "zero": {}} {
		tests["Untyped.Handle, "+name+" peer"] = func() error {
			return want(panicked(func() { p.Untyped().Handle(17, func(*Conn, any) error { return nil }) }), ErrNoPeer)
		}
		tests["Untyped.HandleRaw, "+name+" peer"] = func() error {
			return want(panicked(func() { p.Untyped().HandleRaw(17, func(*Conn, []byte) error { return nil }) }), ErrNoPeer)
		}
		for call, f := range map[string]func() error{
			"Run":                          func() error { return p.Run() },
			"RunAsync":                     func() error { return p.RunAsync() },
			"Close":                        func() error { return p.Close() },
			"Shutdown":                     func() error { return p.Shutdown(t.Context()) },
			"Send":                         func() error { return p.Untyped().Send(nil, 17, v) },
			"SendEncoded":                  func() error { return p.Untyped().SendEncoded(nil, raw) },
			"RecvPacket":                   func() error { return p.Untyped().RecvPacket(nil, 17, v) },
			"RecvEncoded":                  func() error { return p.Untyped().RecvEncoded(nil, raw) },
			"Softquit":                     func() error { return p.Untyped().Softquit(nil, "") },
			"Broadcast":                    func() error { return p.Untyped().Broadcast(17, v) },
			"Server.Listen":                func() error { _, err := (&Server{p}).Listen("127.0.0.1:0"); return err },
			"Server.Inject":                func() error { _, err := (&Server{p}).Inject(far); return err },
			"Server.Serve":                 func() error { _, err := (&Server{p}).Serve(nil); return err },
			"Client.Connect":               func() error { _, err := (&Client{p}).Connect(t.Context(), "127.0.0.1:1"); return err },
			"Client.ConnectAsync":          func() error { return (&Client{p}).ConnectAsync("127.0.0.1:1") },
			"Client.Inject":                func() error { _, err := (&Client{p}).Inject(t.Context(), far); return err },
			"MemoryClient.Connect":         func() error { _, err := (&MemoryClient{p}).Connect(t.Context(), server); return err },
			"MemoryClient.Connect to it":   func() error { _, err := NewMemoryClient(s.reg, nil).Connect(t.Context(), &Server{p}); return err },
			"MemoryClient.ConnectAsync":    func() error { return (&MemoryClient{p}).ConnectAsync(server) },
			"MemoryClient.ConnectAsync to": func() error { return NewMemoryClient(s.reg, nil).ConnectAsync(&MemoryServer{p}) },
			"MemoryClient.Disconnect":      func() error { return (&MemoryClient{p}).Untyped().Disconnect(nil) },
			"MemoryServer.ConnectClient": func() error {
				_, err := memory.ConnectClient(t.Context(), &MemoryClient{p})
				return err
			},
			"MemoryServer.DisconnectClient": func() error { return memory.DisconnectClient(&MemoryClient{p}) },
		} {
			tests[call+", "+name+" peer"] = func() error { return want(f(), ErrNoPeer) }
		}
		tests["what tells, "+name+" peer"] = func() error {
			p.Stop()
			p.SetPacketLog(1, true, true)
			p.ClearPacketLog()
			for range p.Conns() {
				return errors.New("it has a conn")
			}
			if p.Registry() != nil || p.Reactor() != nil || p.Conn(1) != nil || p.NumConns() != 0 || p.first() != nil || p.PacketLog() != nil || p.Stats().Made != 0 {
				return errors.New("it tells something")
			}
			return nil
		}
	}
	tests["what a nil conn tells"] = func() error {
		var c *Conn
		c.Untyped().SetState(Active)
		c.SetData(1)
		c.Abort(nil)
		c.SetOverflow(registry.Refuse)
		if c.ID() != 0 || c.Peer() != nil || c.State() != Disconnected || c.LocalAddr() != nil || c.RemoteAddr() != nil || c.Loop() != nil ||
			c.Pending() != 0 || c.Data() != nil || c.Dropped() != 0 || c.RTT() != 0 || c.TLS() != nil || c.UnixCred() != nil || c.String() == "" {
			return errors.New("it tells something")
		}
		return nil
	}
	// Every method of a nil conn, one that is added later included, may be called.
	tests["every method of a nil conn"] = func() (err error) {
		nobody := reflect.ValueOf((*Conn)(nil))
		for i := range nobody.NumMethod() {
			m := nobody.Method(i)
			var args []reflect.Value
			for j := range m.Type().NumIn() {
				args = append(args, reflect.Zero(m.Type().In(j)))
			}
			func() {
				defer func() {
					if v := recover(); v != nil {
						err = errors.Join(err, fmt.Errorf("%s: %v", nobody.Type().Method(i).Name, v))
					}
				}()
				m.Call(args)
			}()
		}
		return err
	}
	tests["Server.Inject, nil"] = func() error { _, err := server.Inject(nil); return want(err, errNilTransport) }
	tests["Client.Inject, nil"] = func() error { _, err := client.Inject(t.Context(), nil); return want(err, errNilTransport) }
	var noContext context.Context
	tests["Client.Connect, nil context"] = func() error { _, err := client.Connect(noContext, "127.0.0.1:1"); return want(err, ErrNil) }
	tests["Client.Inject, nil context"] = func() error { _, err := client.Inject(noContext, far); return want(err, ErrNil) }
	tests["MemoryClient.Connect, nil context"] = func() error {
		_, err := NewMemoryClient(s.reg, nil).Connect(noContext, server)
		return want(err, ErrNil)
	}
	tests["MemoryServer.ConnectClient, nil context"] = func() error {
		_, err := memory.ConnectClient(noContext, NewMemoryClient(s.reg, nil))
		return want(err, ErrNil)
	}
	tests["Shutdown, nil context"] = func() error { return want(server.Shutdown(noContext), ErrNil) }
	tests["Poll, nil context"] = func() error { _, err := server.Poll(noContext); return want(err, ErrNil) }
	tests["SendWait, nil context"] = func() error { return want(SendWait(noContext, &Conn{peer: server.Peer}, s.ping, v), ErrNil) }
	tests["Conn.SendWait, nil context"] = func() error {
		return want((&Conn{peer: server.Peer}).Untyped().SendWait(noContext, "test:ping", v), ErrNil)
	}
	tests["Echo.OnReceive, nil conn"] = func() error { return want(Echo{As: "test:ping"}.OnReceive(nil, v), ErrNoConn) }
	tests["Echo.OnReceive, nil *Conn"] = func() error { return want(Echo{As: "test:ping"}.OnReceive((*Conn)(nil), v), ErrNoConn) }
	var none registry.Packet[note]
	tests["Handle, zero packet"] = func() error {
		return want(panicked(func() { Handle(server, none, func(*Conn, *note) error { return nil }) }), ErrNoPacket)
	}
	tests["Handle, nil handler"] = func() error { return want(panicked(func() { Handle(server, s.ping, nil) }), ErrNoHandler) }
	tests["Untyped.Handle, nil handler"] = func() error { return want(panicked(func() { server.Untyped().Handle(s.ping, nil) }), ErrNoHandler) }
	tests["HandleRaw, nil handler"] = func() error { return want(panicked(func() { HandleRaw(server, s.ping, nil) }), ErrNoHandler) }
	for name, f := range tests {
		t.Run(name, func(t *testing.T) {
			if err := f(); err != nil {
				t.Error(err)
			}
		})
	}
}

// panicked is the error that a call panics with, nil if it does not.
func panicked(call func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err, _ = v.(error)
		}
	}()
	call()
	return nil
}

// want is an error unless err is what is wanted.
func want(err, target error) error {
	if errors.Is(err, target) {
		return nil
	}
	return fmt.Errorf("error is %v, want %v", err, target)
}

func TestHandlePanicsWithATextThatNamesTheFault(t *testing.T) {
	s := newSide(false, 17, 18)
	server := NewServer(s.reg, nil)
	defer server.Close()
	var none registry.Packet[note]
	ignore := func(*Conn, *note) error { return nil }
	for want, call := range map[string]func(){
		"peer: Handle: no such peer: this peer.game is nil or was not made by a New function": func() { Handle(game{}, s.ping, ignore) },
		"peer: Handle: no such peer: this <nil> is nil or was not made by a New function":     func() { Handle(nil, s.ping, ignore) },
		"peer: Handle: no such packet type":                                                   func() { Handle(server, none, ignore) },
		"peer: Handle: nil handler":                                                           func() { Handle(server, s.ping, nil) },
		"peer: UntypedPeer.Handle: registry: no packet named \"app:x\"":                       func() { server.Untyped().Handle("app:x", func(*Conn, any) error { return nil }) },
	} {
		if err := panicked(call); err == nil || err.Error() != want {
			t.Errorf("panics with %v, want %s", err, want)
		}
	}
}

// A packet that is none is told on a conn too.
func TestNoPacketIsAnError(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		_, cc := w.handshake(t)
		var none registry.Packet[note]
		for name, err := range map[string]error{
			"Send":      Send(cc, none, &note{}),
			"SendTo":    SendTo(w.client, nil, none, &note{}),
			"Broadcast": Broadcast(w.client, none, &note{}),
			"SendRaw":   cc.SendRaw(nil, []byte{0xc0}),
		} {
			if !errors.Is(err, ErrNoPacket) {
				t.Errorf("%s = %v", name, err)
			}
		}
		var unknown *registry.UnknownError
		for _, key := range []any{nil, none, (*registry.Type)(nil)} {
			for name, err := range map[string]error{
				"Send":       cc.Untyped().Send(key, 1),
				"RecvPacket": cc.Untyped().RecvPacket(key, 1),
				"Broadcast":  w.client.Untyped().Broadcast(key, 1),
			} {
				if !errors.As(err, &unknown) {
					t.Errorf("%s(%v) = %v", name, key, err)
				}
			}
		}
	})
}

// A nil listener or net.Conn is ErrNil, and makes no conn.
func TestNilArgumentsAreErrors(t *testing.T) {
	s := newSide(false, 17, 18)
	server, client := NewServer(s.reg, nil), NewClient(s.reg, nil)
	defer server.Close()
	defer client.Close()
	for name, call := range map[string]func() error{
		"Server.Inject": func() error { _, err := server.Inject(nil); return err },
		"Server.Serve":  func() error { _, err := server.Serve(nil); return err },
		"Client.Inject": func() error { _, err := client.Inject(t.Context(), nil); return err },
	} {
		if err := call(); !errors.Is(err, ErrNil) {
			t.Errorf("%s: %v, want ErrNil", name, err)
		}
	}
	if server.NumConns() != 0 {
		t.Error("there is a conn")
	}
}
