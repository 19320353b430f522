package embedded

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/packetmq/packetmq/cluster"
	"github.com/packetmq/packetmq/peer"
)

// ErrSecret is that a server is to be reached from other machines without a secret.
var ErrSecret = errors.New("embedded: an address that others can reach needs a secret")

// ErrNotReady is that the server did not come up in time.
var ErrNotReady = errors.New("embedded: the server does not come up")

// Config has the settings of the server. The zero Config is a cluster of one node that others
// on the same machine can join.
type Config struct {
	// Listen is where servers of other nodes connect. Default: 127.0.0.1, at a port that is
	// free. Another address than loopback needs a Secret.
	Listen string

	// Routes are the addresses of some other servers, host:port. They need not be there yet.
	Routes []string

	// Secret is what servers of the same cluster share. Without TLS it travels as it is: other
	// machines are to be reached by a network that nobody else reads, or through a tunnel.
	Secret string

	// Name is that of the cluster. Servers of another one are refused. Default: "packetmq".
	Name string

	// Logger gets what the server logs. Default: nothing is logged.
	Logger *slog.Logger
}

// Server is a NATS server in this process, and this process' connection to it.
type Server struct {
	server *server.Server
	nc     *nats.Conn
	once   sync.Once
}

// Start starts a server, whose name other servers know it by. The caller stops it.
func Start(ctx context.Context, name string, cfg Config) (*Server, error) {
	opts, err := cfg.options(name)
	if err != nil {
		return nil, err
	}
	s := new(Server)
	if s.server, err = server.NewServer(opts); err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	if cfg.Logger != nil {
		s.server.SetLoggerV2(logger{cfg.Logger}, false, false, false)
	}
	s.server.Start()
	if !s.server.ReadyForConnections(readyTime(ctx)) {
		s.Stop()
		return nil, ErrNotReady
	}
	s.nc, err = nats.Connect("", nats.InProcessServer(s.server), nats.UserInfo(opts.Username, opts.Password),
		nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
	if err != nil {
		s.Stop()
		return nil, fmt.Errorf("embedded: %w", err)
	}
	return s, nil
}

// Join starts a server and joins the cluster by it. cfg.NATS is not looked at. At the end the
// caller calls Leave of the node, and then Stop of the server.
func Join(ctx context.Context, srv *peer.Server, cfg cluster.Config, own Config) (*cluster.Node, *Server, error) {
	s, err := Start(ctx, cfg.Name, own)
	if err != nil {
		return nil, nil, err
	}
	cfg.NATS = s.nc
	n, err := cluster.Join(ctx, srv, cfg)
	if err != nil {
		s.Stop()
		return nil, nil, err
	}
	return n, s, nil
}

// readyTime is how long the server may take to come up.
func readyTime(ctx context.Context) time.Duration {
	if until, ok := ctx.Deadline(); ok {
		return time.Until(until)
	}
	return 10 * time.Second
}

// Conn is the connection to the server, which is closed with it.
func (s *Server) Conn() *nats.Conn { return s.nc }

// Addr is where servers of other nodes connect.
func (s *Server) Addr() string {
	if a := s.server.ClusterAddr(); a != nil {
		return a.String()
	}
	return ""
}

// Stop stops the server. It may be called more than once.
func (s *Server) Stop() {
	s.once.Do(func() {
		if s.nc != nil {
			s.nc.Close()
		}
		s.server.Shutdown()
		s.server.WaitForShutdown()
	})
}

// options are those of the server.
func (c *Config) options(node string) (*server.Options, error) {
	host, port := "127.0.0.1", server.RANDOM_PORT
	if c.Listen != "" {
		h, p, err := net.SplitHostPort(c.Listen)
		if err != nil {
			return nil, fmt.Errorf("embedded: Listen: %w", err)
		}
		if port, err = strconv.Atoi(p); err != nil {
			return nil, fmt.Errorf("embedded: Listen: %w", err)
		}
		if port == 0 {
			port = server.RANDOM_PORT
		}
		host = h
	}
	if ip := net.ParseIP(host); (ip == nil || !ip.IsLoopback()) && host != "localhost" && c.Secret == "" {
		return nil, fmt.Errorf("%w: %s", ErrSecret, c.Listen)
	}
	name := c.Name
	if name == "" {
		name = "packetmq"
	}
	opts := &server.Options{
		ServerName: node,
		Host:       "127.0.0.1", // without a listener for clients there are no routes either
		Port:       server.RANDOM_PORT,
		Username:   "process", // which nobody else knows the password of
		Password:   rand.Text(),
		NoSigs:     true, // signals are the program's
		NoLog:      c.Logger == nil,
		MaxPayload: 1 << 20,
		Cluster:    server.ClusterOpts{Name: name, Host: host, Port: port, PoolSize: -1},
	}
	if c.Secret != "" {
		opts.Cluster.Username, opts.Cluster.Password = "node", c.Secret
	}
	for _, r := range c.Routes {
		u := &url.URL{Scheme: "nats-route", Host: r}
		if c.Secret != "" {
			u.User = url.UserPassword("node", c.Secret)
		}
		opts.Routes = append(opts.Routes, u)
	}
	return opts, nil
}

// logger has the server's lines logged by slog.
type logger struct{ to *slog.Logger }

func (l logger) Noticef(f string, v ...any) { l.to.Info("nats: " + fmt.Sprintf(f, v...)) }
func (l logger) Warnf(f string, v ...any)   { l.to.Warn("nats: " + fmt.Sprintf(f, v...)) }
func (l logger) Fatalf(f string, v ...any)  { l.to.Error("nats: " + fmt.Sprintf(f, v...)) }
func (l logger) Errorf(f string, v ...any)  { l.to.Error("nats: " + fmt.Sprintf(f, v...)) }
func (l logger) Debugf(f string, v ...any)  { l.to.Debug("nats: " + fmt.Sprintf(f, v...)) }
func (l logger) Tracef(f string, v ...any)  { l.to.Debug("nats: " + fmt.Sprintf(f, v...)) }
