package clusterpeer

// Nodes that are servers of NATS and nothing else, with the options that packetmq's nodes give theirs.

import (
	"context"
	"errors"
	"io"
	"net/url"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// natsSubject is what the first server's process answers to.
const natsSubject = "bench.ask"

// startNATS starts a server that joins another one.
func startNATS(cfg Node) (*server.Server, error) {
	options := &server.Options{
		ServerName: cfg.Name, Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true, MaxPayload: 1 << 20,
		Cluster: server.ClusterOpts{Name: "bench", Host: "127.0.0.1", Port: server.RANDOM_PORT, PoolSize: -1},
	}
	if cfg.Join != "" {
		options.Routes = []*url.URL{{Scheme: "nats-route", Host: cfg.Join}}
	}
	s, err := server.NewServer(options)
	if err != nil {
		return nil, err
	}
	s.Start()
	if !s.ReadyForConnections(startPatience) {
		s.Shutdown()
		return nil, errors.New("clusterpeer: the server of NATS does not start")
	}
	return s, nil
}

// ServeNATSNode is a node of NATS until ctx is done or in ends.
func ServeNATSNode(ctx context.Context, cfg Node, in io.Reader, out io.Writer) error {
	s, err := startNATS(cfg)
	if err != nil {
		return err
	}
	defer s.WaitForShutdown()
	defer s.Shutdown()
	if cfg.Of == 1 { // the load joins
		nc, err := nats.Connect("", nats.InProcessServer(s))
		if err != nil {
			return err
		}
		defer nc.Close()
		if _, err := nc.Subscribe(natsSubject, func(m *nats.Msg) { m.Respond(m.Data) }); err != nil {
			return err
		}
		if err := nc.FlushTimeout(startPatience); err != nil {
			return err
		}
	}
	return cfg.serve(ctx, in, out, s.Addr().String(), s.ClusterAddr().String(), s.NumRoutes)
}

// ServeNATS serves by NATS alone, in the modes user and ask.
func ServeNATS(ctx context.Context, addr, mode string, out io.Writer) error {
	if mode == "across" || mode == "alone" || mode == "still" {
		mode = "other"
	}
	return serveNodes(ctx, "nats", addr, mode, out)
}

// requestTimeout is far longer than any request takes, and longer than a load has patience.
const requestTimeout = 30 * time.Second
