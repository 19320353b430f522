package natspeer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Subject is what the responder answers to.
const Subject = "bench.echo"

// Broker is a nats-server with a responder.
type Broker struct {
	server    *server.Server
	responder *nats.Conn
}

// NewBroker makes a broker that listens at addr, or nowhere if that is empty.
func NewBroker(addr string) (*Broker, error) {
	options, err := optionsFor(addr)
	if err != nil {
		return nil, err
	}
	s, err := server.NewServer(options)
	if err != nil {
		return nil, err
	}
	b := &Broker{server: s}
	s.Start()
	if !s.ReadyForConnections(5 * time.Second) {
		b.Close()
		return nil, errors.New("natspeer: the server does not start")
	}
	if b.responder, err = b.Dial(); err == nil {
		_, err = b.responder.Subscribe(Subject, func(m *nats.Msg) { m.Respond(m.Data) })
	}
	if err == nil {
		_, err = b.responder.Subscribe(typedSubject, answerTyped)
	}
	if err == nil {
		err = b.responder.Flush()
	}
	if err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

func optionsFor(addr string) (*server.Options, error) {
	o := &server.Options{DontListen: addr == "", NoLog: true, NoSigs: true}
	if addr == "" {
		return o, nil
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if o.Port, err = strconv.Atoi(port); err != nil {
		return nil, fmt.Errorf("natspeer: port: %w", err)
	}
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	o.Host = host
	return o, nil
}

// Dial connects to the broker in process.
func (b *Broker) Dial() (*nats.Conn, error) {
	return nats.Connect("", nats.InProcessServer(b.server))
}

// Close ends the broker.
func (b *Broker) Close() {
	if b.responder != nil {
		b.responder.Close()
	}
	b.server.Shutdown()
	b.server.WaitForShutdown()
}

// Serve serves at addr until ctx is done. The mode is raw or call, of which the
// responder does both, or room, in which it has nothing to do.
func Serve(ctx context.Context, addr, mode string, out io.Writer) error {
	if mode != "raw" && mode != "call" && mode != "room" {
		return fmt.Errorf("natspeer: no mode %q: want raw, call or room", mode)
	}
	b, err := NewBroker(addr)
	if err != nil {
		return err
	}
	defer b.Close()
	fmt.Fprintln(out, "listening", b.server.Addr())
	<-ctx.Done()
	return nil
}
