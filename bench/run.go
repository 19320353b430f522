package bench

// The command run: a server, a load in another process, and memory clients.

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/packetmq/packetmq/internal/command"
	"github.com/packetmq/packetmq/internal/figures"
	"github.com/packetmq/packetmq/peer"
)

// runConfig is what a run is to show.
type runConfig struct {
	loadConfig
	memory int // clients in memory
	mode   string
}

func runCommand(ctx context.Context, args []string, std command.IO) error {
	fs := flag.NewFlagSet("run", flag.ContinueOnError)
	cfg := runConfig{loadConfig: loadConfig{patience: patience}}
	cfg.flags(fs, 64, 4)
	fs.IntVar(&cfg.memory, "memory", 4, "clients in memory, each with one packet under way")
	mode := modeFlag(fs, modeTyped, "")
	if err := tool().Parse(fs, args, command.Arguments{}, std); err != nil {
		return err
	}
	cfg.mode = *mode
	if err := cfg.check(); err != nil {
		return err
	}
	return run(ctx, &cfg, std)
}

func (cfg *runConfig) check() error {
	if cfg.memory < 0 {
		return command.Usagef("--memory %d: want at least 0", cfg.memory)
	}
	if err := checkMode(cfg.mode, echoModes); err != nil {
		return err
	}
	return cfg.loadConfig.check()
}

// run has a server in this process serve clients in another one over TCP, and
// clients in memory beside them, and shows how that goes.
func run(ctx context.Context, cfg *runConfig, std command.IO) error {
	server, err := newServer(cfg.mode, 1, std.Err)
	if err != nil {
		return err
	}
	defer server.Close()
	if err := server.RunAsync(); err != nil {
		return err
	}
	addr, err := listenAt(server, "tcp://127.0.0.1:0")
	if err != nil {
		return err
	}
	cfg.connect = addrs{addr}
	// Not with ctx: it takes no time, and an interruption leaves less to tell.
	mem, err := connectMemory(context.WithoutCancel(ctx), server, cfg.memory, 1, cfg.size)
	if err != nil {
		return err
	}
	s := show{cfg, mem, std.Out}
	tcp, loadErr := s.load(ctx, std.Err)
	inMemory, err := mem.finish(cfg.patience)
	if err != nil {
		return err
	}
	s.summary(tcp, inMemory)
	return errors.Join(loadErr, inMemory.err(), shutdown(ctx, server, cfg))
}

func shutdown(ctx context.Context, server *peer.Server, cfg *runConfig) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.patience)
	defer cancel()
	return server.Shutdown(ctx)
}

// show is what a run prints.
type show struct {
	cfg *runConfig
	mem *memoryClients
	out io.Writer
}

// load runs the clients of the other process and returns their result.
func (s *show) load(ctx context.Context, stderr io.Writer) (result, error) {
	c, err := startLoad(ctx, &s.cfg.loadConfig, stderr)
	if err != nil {
		if ctx.Err() != nil {
			err = nil // interrupted before it began
		}
		return result{}, err
	}
	tcp, err := s.follow(c)
	if e := c.wait(); e != nil && err == nil {
		err = fmt.Errorf("process %d: %w", c.pid(), e)
	}
	if tcp == nil {
		if err == nil && ctx.Err() == nil {
			err = fmt.Errorf("process %d ended without a result", c.pid())
		}
		tcp = new(result)
	}
	return *tcp, err
}

// follow shows what the other process tells, and keeps in step with it.
func (s *show) follow(c *child) (tcp *result, err error) {
	for {
		var m message
		switch err := c.Decode(&m); {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return tcp, nil
		case err != nil:
			return tcp, err
		}
		switch {
		case m.Ready != nil:
			s.title(m.Ready.Conns, c.pid())
			err = s.mem.start()
		case m.Sample != nil:
			err = s.live(m.Sample)
		case m.Result != nil:
			tcp = m.Result
		}
		if err != nil {
			return tcp, err
		}
	}
}

// title says what runs where.
func (s *show) title(conns, pid int) {
	const line = "  %-16s%s\n"
	self := os.Getpid()
	fmt.Fprintf(s.out, "packetmq under load for %v, each packet sent, answered and checked\n\n", s.cfg.duration)
	fmt.Fprintf(s.out, line, "server", fmt.Sprintf("process %d, one loop, %s payloads, at %v and in memory", self, s.cfg.mode, &s.cfg.connect))
	fmt.Fprintf(s.out, line, "tcp clients", fmt.Sprintf("process %d, %s, %s of %s under way on each", pid,
		figures.Plural(conns, "conn"), figures.Plural(s.cfg.depth, "packet"), figures.Plural(s.cfg.size, "byte")))
	fmt.Fprintf(s.out, line, "memory clients", fmt.Sprintf("process %d, %s on the server's loop, 1 packet under way on each\n", self,
		figures.Plural(s.mem.conns, "conn")))
}

// live prints a line for the second that tcp is of.
func (s *show) live(tcp *sample) error {
	mem, err := s.mem.sample()
	if err != nil {
		return err
	}
	conns := fmt.Sprintf("%d conns (%d tcp, %d mem)", tcp.Conns+mem.Conns, tcp.Conns, mem.Conns)
	fmt.Fprintf(s.out, "%s  mem %11s packets/s\n", tcp.live(conns, "tcp "), rate(mem.rate()))
	return nil
}

func (s *show) summary(tcp, mem result) {
	all := sum(tcp, mem)
	fmt.Fprintf(s.out, "\nafter %s:\n\n", elapsed(all.At))
	table(s.out, [][]string{
		header(),
		tcp.row("tcp clients", tcp.rate()),
		mem.row("memory clients", mem.rate()),
		all.row("total", tcp.rate()+mem.rate()),
	})
}
