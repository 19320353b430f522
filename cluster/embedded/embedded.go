package embedded

import (
	"context"
	"crypto/rand"
	"crypto/tls"
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
)

// ErrSecret is that a server is to be reached from other machines without a secret.
var ErrSecret = errors.New("embedded: an address that others can reach needs a secret or TLS")

// ErrStore is that a server cannot keep a store with these settings: what wraps it says why.
var ErrStore = errors.New("embedded: impossible store")

// ErrTLS is that Config.TLS would not have both sides verified.
var ErrTLS = errors.New("embedded: TLS needs certificates, RootCAs, and verification")

// ErrNotReady is that the server did not come up in time: what wraps it says why.
var ErrNotReady = errors.New("embedded: the server does not come up")

// ErrStarted is that the server runs already: each node has one of its own.
var ErrStarted = errors.New("embedded: the server runs already")

// Config has the settings of the server. The zero Config is a cluster of one node that others
// on the same machine can join.
type Config struct {
	// Listen is where servers of other nodes connect. Default: 127.0.0.1, at a port that is
	// free. Another address than loopback needs a Secret or TLS.
	Listen string

	// Routes are the addresses of some other servers, host:port. They need not be there yet.
	Routes []string

	// Secret is what servers of the same cluster share. Without TLS it travels as it is, and so
	// do the packets: other machines are to be reached by a network that nobody else reads, or
	// through a tunnel.
	Secret string

	// TLS has the servers of a cluster show each other certificates, each of which RootCAs must
	// have signed for the address in Routes, and encrypt what goes between them. It needs
	// Certificates, or GetCertificate and GetClientCertificate, and RootCAs, which ClientCAs is
	// taken for if it is nil. Whoever has no such certificate is no node. Default: no TLS.
	TLS *tls.Config

	// Name is that of the cluster. Servers of another one are refused. Default: "packetmq".
	Name string

	// StoreDir is the directory of a store, JetStream, for what outlives processes. No two
	// servers have the same. Without it there is no JetStream, and nothing is on disk. Default:
	// none.
	//
	// Without Routes the store is this server's alone, and it takes no other server in: Listen
	// must be "". With Routes it is one store of several servers, which lasts while more than
	// half of them are there: then each server's Routes are all others, at addresses that stay
	// the same for good, Listen has a port, and the name is the same too. Such a store begins
	// when more than half of the servers have come, which may be after Start and Join.
	//
	// What is stored is with the operating system when that is acknowledged, and on disk within
	// two minutes: a process may die at any time, and so may a machine if the others have
	// replicas.
	StoreDir string

	// Logger gets what the server logs. Default: nothing is logged.
	Logger *slog.Logger
}

// Server is a NATS server in this process, and this process' connection to it: a
// cluster.Server. It may be started again when it was stopped. Any goroutine may use it.
type Server struct {
	cfg Config

	mu     sync.Mutex
	server *server.Server // nil: it does not run
	nc     *nats.Conn
	user   *url.Userinfo // of the clients in this process
}

var (
	_ cluster.Server = (*Server)(nil)
	_ cluster.Login  = (*Server)(nil)
)

// New returns a server, which cluster.Join starts.
func New(cfg Config) *Server { return &Server{cfg: cfg} }

// Start starts the server, by whose name other servers know it, and connects to it. It is for
// cluster.Join, and for programs that use the server by themselves. The errors are ErrSecret,
// ErrTLS, ErrStore, ErrNotReady, ErrStarted, and what NATS says of the settings.
func (s *Server) Start(ctx context.Context, name string) (*nats.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server != nil {
		return nil, ErrStarted
	}
	opts, err := s.cfg.options(name)
	if err != nil {
		return nil, err
	}
	if s.server, err = server.NewServer(opts); err != nil {
		s.server = nil
		return nil, fmt.Errorf("embedded: %w", err)
	}
	if s.cfg.Logger != nil {
		s.server.SetLoggerV2(logger{s.cfg.Logger}, false, false, false)
	}
	s.server.Start()
	s.user = url.UserPassword(opts.Username, opts.Password)
	if err = awaitReady(ctx, s.server); err == nil {
		s.nc, err = nats.Connect("", nats.InProcessServer(s.server), nats.UserInfo(opts.Username, opts.Password),
			nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
		if err != nil {
			err = fmt.Errorf("embedded: %w", err)
		}
	}
	if err != nil {
		s.stop()
		return nil, err
	}
	return s.nc, nil
}

const (
	// readyTime is how long a server may take to come up if the context of Start has no deadline.
	readyTime = 10 * time.Second

	// readyStep is how often Start looks at its context meanwhile.
	readyStep = 100 * time.Millisecond
)

// awaitReady waits until a server takes connections, or returns ErrNotReady with the reason.
func awaitReady(ctx context.Context, s *server.Server) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, readyTime)
		defer cancel()
	}
	for ctx.Err() == nil {
		if s.ReadyForConnections(readyStep) {
			return nil
		}
	}
	return fmt.Errorf("%w: %w", ErrNotReady, context.Cause(ctx))
}

// Conn is the connection to the server, which is closed with it; nil while it does not run.
func (s *Server) Conn() *nats.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nc
}

// Login implements cluster.Login: the node's own conn is one of the loopback, which nobody else
// knows the password of. All are "" while the server does not run.
func (s *Server) Login() (addr, user, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		return "", "", ""
	}
	password, _ = s.user.Password()
	return s.server.Addr().String(), s.user.Username(), password
}

// Addr is where servers of other nodes connect, "" while the server does not run.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server != nil {
		if a := s.server.ClusterAddr(); a != nil {
			return a.String()
		}
	}
	return ""
}

// Routes are how many servers of other nodes it is connected to.
func (s *Server) Routes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		return 0
	}
	return s.server.NumRoutes()
}

// Stop stops the server, if it runs, and closes the connection.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server != nil {
		s.stop()
	}
}

// stop stops the server, which NATS allows once. mu is held.
func (s *Server) stop() {
	if s.nc != nil {
		s.nc.Close()
	}
	s.server.Shutdown()
	s.server.WaitForShutdown()
	s.server, s.nc = nil, nil
}

// options are those of the server.
func (c *Config) options(node string) (*server.Options, error) {
	host, port, err := c.listenAt()
	if err != nil {
		return nil, err
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
	if c.StoreDir != "" {
		if err := c.addStore(opts, node); err != nil {
			return nil, err
		}
	}
	if c.Secret != "" {
		opts.Cluster.Username, opts.Cluster.Password = routeUser, c.Secret
	}
	if c.TLS != nil {
		t, err := c.routeTLS()
		if err != nil {
			return nil, err
		}
		opts.Cluster.TLSConfig, opts.Cluster.TLSTimeout = t, tlsTime.Seconds()
	}
	for _, addr := range c.Routes {
		opts.Routes = append(opts.Routes, c.route(addr))
	}
	return opts, nil
}

// listenAt is where servers of other nodes connect. An address that other machines reach needs a
// secret or TLS.
func (c *Config) listenAt() (host string, port int, err error) {
	host, port = "127.0.0.1", server.RANDOM_PORT
	if c.Listen != "" {
		var p string
		if host, p, err = net.SplitHostPort(c.Listen); err != nil {
			return "", 0, fmt.Errorf("embedded: Listen: %w", err)
		}
		if port, err = strconv.Atoi(p); err != nil {
			return "", 0, fmt.Errorf("embedded: Listen: %w", err)
		}
		if port == 0 {
			port = server.RANDOM_PORT
		}
	}
	if ip := net.ParseIP(host); (ip == nil || !ip.IsLoopback()) && host != "localhost" && c.Secret == "" && c.TLS == nil {
		return "", 0, fmt.Errorf("%w: %s", ErrSecret, c.Listen)
	}
	return host, port, nil
}

// routeUser is as whom servers of a cluster log in with each other.
const routeUser = "node"

// route is how another server is reached.
func (c *Config) route(addr string) *url.URL {
	u := &url.URL{Scheme: "nats-route", Host: addr}
	if c.Secret != "" {
		u.User = url.UserPassword(routeUser, c.Secret)
	}
	return u
}

// tlsTime bounds a handshake between two servers.
const tlsTime = 5 * time.Second

// routeTLS is for both ends of a connection between servers, each of which verifies the other.
func (c *Config) routeTLS() (*tls.Config, error) {
	t := c.TLS.Clone()
	if t.RootCAs == nil || len(t.Certificates) == 0 && (t.GetCertificate == nil || t.GetClientCertificate == nil) || t.InsecureSkipVerify {
		return nil, ErrTLS
	}
	if t.ClientCAs == nil {
		t.ClientCAs = t.RootCAs
	}
	t.ClientAuth = tls.RequireAndVerifyClientCert
	return t, nil
}

// addStore adds JetStream to the options.
func (c *Config) addStore(opts *server.Options, node string) error {
	opts.JetStream, opts.StoreDir, opts.DisableJetStreamBanner = true, c.StoreDir, true
	switch {
	case len(c.Routes) == 0 && c.Listen != "":
		return fmt.Errorf("%w: Listen without Routes", ErrStore)
	case len(c.Routes) == 0: // JetStream of one server is without a port for others
		opts.Cluster = server.ClusterOpts{}
	case opts.Cluster.Port == server.RANDOM_PORT:
		return fmt.Errorf("%w: Listen without a port", ErrStore)
	case node == "":
		return fmt.Errorf("%w: a server without a name", ErrStore)
	default:
		// JetStream takes the number of routes for the number of servers that are to elect a
		// leader at first. It drops the route to this server itself.
		own := net.JoinHostPort(opts.Cluster.Host, strconv.Itoa(opts.Cluster.Port))
		opts.Routes = append(opts.Routes, c.route(own))
	}
	return nil
}

// logger has the server's lines logged by slog.
type logger struct{ to *slog.Logger }

func (l logger) Noticef(f string, v ...any) { l.to.Info("nats: " + fmt.Sprintf(f, v...)) }
func (l logger) Warnf(f string, v ...any)   { l.to.Warn("nats: " + fmt.Sprintf(f, v...)) }
func (l logger) Fatalf(f string, v ...any)  { l.to.Error("nats: " + fmt.Sprintf(f, v...)) }
func (l logger) Errorf(f string, v ...any)  { l.to.Error("nats: " + fmt.Sprintf(f, v...)) }
func (l logger) Debugf(f string, v ...any)  { l.to.Debug("nats: " + fmt.Sprintf(f, v...)) }
func (l logger) Tracef(f string, v ...any)  { l.to.Debug("nats: " + fmt.Sprintf(f, v...)) }
