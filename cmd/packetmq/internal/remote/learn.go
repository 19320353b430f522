package remote

// Learn: a conn that is made for what the other side tells in the handshake.

import (
	"context"
	"crypto/tls"
	"errors"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/websocket"
)

// Options say how the other side is met. The zero value is a client without a token.
type Options struct {
	TLS     *tls.Config      // of tls:// and wss://. Default: the system's roots
	Token   []byte           // shown to a side that asks for one. Default: none
	Version string           // what this program calls itself. Default: nothing
	WS      websocket.Config // of ws:// and wss://
}

// config is that of a client.
func (o *Options) config() *peer.Config {
	cfg := &peer.Config{Engine: &engine.Config{Loops: 1}}
	cfg.TLS, cfg.Version = o.TLS, o.Version
	if o.Token != nil {
		cfg.Token = func(*peer.Conn) []byte { return o.Token }
	}
	return cfg
}

// newClient makes a client that runs.
func (o *Options) newClient(reg *registry.Registry, cfg *peer.Config) (*peer.Client, error) {
	client := peer.NewClient(reg, cfg)
	err := websocket.Enable(client, &o.WS)
	if err == nil {
		err = client.RunAsync()
	}
	if err != nil {
		client.Close()
		return nil, err
	}
	return client, nil
}

// Learn connects to addr, reads what the other side tells of itself, and ends the conn.
func Learn(ctx context.Context, addr string, o Options) (*Told, error) {
	s := student{done: make(chan struct{})}
	cfg := o.config()
	cfg.Wrap = func(c *peer.Conn, inner engine.Transport) engine.Transport {
		return newTap(inner, func(f codec.Frame) { s.see(c, f) })
	}
	client, err := o.newClient(registry.NewAdapting(), cfg)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	_, connectErr := client.Connect(ctx, addr) // which fails: the other side has packets, or the conn is ended
	select {
	case <-s.done:
	default:
		if connectErr == nil {
			connectErr = errForm
		}
		return nil, connectErr
	}
	end, cancel := context.WithTimeout(ctx, time.Second) // so that the other side reads why it ends
	defer cancel()
	client.Shutdown(end)
	return &s.told, s.err
}

// student reads the handshake. Its fields are the loop's until done is closed.
type student struct {
	told Told
	err  error
	done chan struct{}
	over bool // done is closed
}

// see reads a frame of the handshake, and ends the conn when it knows what it wants to.
func (s *student) see(c *peer.Conn, f codec.Frame) {
	if s.over {
		return
	}
	switch f.ID() {
	case registry.IDInit:
		s.err = s.told.readInit(f.Payload())
		if s.err == nil {
			return
		}
	case registry.IDPubIDs:
		s.err = errors.Join(s.err, s.told.readPubIDs(f.Payload()))
	default:
		return // such as a softquit, which the peer reads
	}
	s.over = true
	close(s.done)
	c.Softquit(peer.ReasonGeneric)
}
