package bench

// A load in a process of its own, for the command run.

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/packetmq/packetmq/internal/command"
)

// child is a load in a process of its own. It ends when its standard input is
// closed, which happens when ctx is done, and also when this process ends in
// whatever way.
type child struct {
	*json.Decoder // of the messages it prints
	ctx           context.Context
	cmd           *exec.Cmd
}

func startLoad(ctx context.Context, cfg *loadConfig, stderr io.Writer) (*child, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{"load", "--json", "--until-eof",
		"--conns", strconv.Itoa(cfg.conns),
		"--depth", strconv.Itoa(cfg.depth),
		"--size", strconv.Itoa(cfg.size),
		"--duration", cfg.duration.String(),
	}
	for _, addr := range cfg.connect {
		args = append(args, "--connect", addr)
	}
	cmd := exec.CommandContext(ctx, exe, args...)
	cmd.Stderr = stderr
	var in io.WriteCloser
	cmd.Cancel = func() error { return in.Close() }
	cmd.WaitDelay = cfg.patience + 5*time.Second // after which it is killed
	in, out, err := command.Start(cmd)
	if err != nil {
		return nil, err
	}
	return &child{json.NewDecoder(out), ctx, cmd}, nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// wait returns how the process ended, after its last message. If ctx has ended the
// process, that is no error.
func (c *child) wait() error {
	err := c.cmd.Wait()
	if errors.Is(err, context.Canceled) || c.ctx.Err() != nil && interrupted(c.cmd.ProcessState) {
		return nil
	}
	return err
}

// interrupted reports whether a signal ended the process before it could catch it. A
// terminal sends its signals to the whole process group.
func interrupted(p *os.ProcessState) bool {
	ws, ok := p.Sys().(syscall.WaitStatus)
	return ok && (ws.Signal() == syscall.SIGINT || ws.Signal() == syscall.SIGTERM)
}
