package trial

// Process: a node's process, as the one that started it sees it.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"

	"github.com/packetmq/packetmq/cluster"
	"github.com/packetmq/packetmq/internal/command"
)

// patience is how long a process may take for what it should do at once.
const patience = 40 * time.Second

var (
	// ErrSilent is that a node's process does not answer.
	ErrSilent = errors.New("trial: the node does not answer")

	// ErrEnded is that a node's process has ended.
	ErrEnded = errors.New("trial: the node's process has ended")
)

// Process is a node's process. Any goroutine may use it.
type Process struct {
	Ready // set once

	cmd   *exec.Cmd
	name  string
	tell  func(Event)   // called on one goroutine
	ended chan struct{} // closed when nothing comes any more, and the process was waited for

	mu      sync.Mutex
	orders  *json.Encoder          // guarded by mu
	in      io.Closer              // guarded by mu
	waiting map[int]chan<- *Answer // guarded by mu
	last    int                    // guarded by mu: ID of the last order
}

// StartProcess starts a node's process by cmd, which is to call RunNode, and waits until it
// takes clients. tell gets its events. The process ends with this one.
func StartProcess(cmd *exec.Cmd, cfg NodeConfig, tell func(Event)) (*Process, error) {
	dieWithParent(cmd)
	in, out, err := command.Start(cmd)
	if err != nil {
		return nil, err
	}
	p := &Process{
		cmd: cmd, name: cfg.Name, tell: tell, ended: make(chan struct{}),
		orders: json.NewEncoder(in), in: in, waiting: make(map[int]chan<- *Answer),
	}
	ready := make(chan Ready, 1)
	go p.read(out, ready)
	p.mu.Lock()
	err = p.orders.Encode(cfg)
	p.mu.Unlock()
	if err == nil {
		err = p.await(ready)
	}
	if err != nil {
		p.Kill()
		return nil, fmt.Errorf("node %s: %w", cfg.Name, err)
	}
	return p, nil
}

func (p *Process) await(ready <-chan Ready) error {
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case p.Ready = <-ready:
		return nil
	case <-p.ended:
		return ErrEnded
	case <-late.C:
		return ErrSilent
	}
}

// Name is the node's name.
func (p *Process) Name() string { return p.name }

// Pid is the process' number.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// read takes in what the process tells.
func (p *Process) read(out io.Reader, ready chan<- Ready) {
	defer close(p.ended)
	defer p.cmd.Wait()
	lines := json.NewDecoder(out)
	for {
		var m message
		if lines.Decode(&m) != nil {
			return
		}
		switch {
		case m.Ready != nil:
			ready <- *m.Ready
		case m.Event != nil:
			p.tell(*m.Event)
		case m.Answer != nil:
			p.mu.Lock()
			to := p.waiting[m.Answer.ID]
			delete(p.waiting, m.Answer.ID)
			p.mu.Unlock()
			if to != nil {
				to <- m.Answer
			}
		}
	}
}

// order has the node do something, and returns its answer.
func (p *Process) order(ctx context.Context, do, name string) (*Answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, ErrSilent)
	defer cancel()
	answer := make(chan *Answer, 1)
	p.mu.Lock()
	p.last++
	id := p.last
	p.waiting[id] = answer
	err := p.orders.Encode(Order{ID: id, Do: do, Name: name})
	p.mu.Unlock()
	if err == nil {
		select {
		case a := <-answer:
			return a, nil
		case <-p.ended:
			err = ErrEnded
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	p.mu.Lock()
	delete(p.waiting, id)
	p.mu.Unlock()
	return nil, fmt.Errorf("node %s: %w", p.name, err)
}

// Where is the node that this one takes a user to be at, "" for none.
func (p *Process) Where(ctx context.Context, user string) (string, error) {
	a, err := p.order(ctx, doWhere, user)
	if err != nil {
		return "", err
	}
	return a.Text[0], nil
}

// Members are the members of a room that this node knows, as "user@node", by user and node.
func (p *Process) Members(ctx context.Context, room string) ([]string, error) {
	a, err := p.order(ctx, doMembers, room)
	if err != nil {
		return nil, err
	}
	return a.Text, nil
}

// Status is what the node has counted.
func (p *Process) Status(ctx context.Context) (Status, error) {
	a, err := p.order(ctx, doStatus, "")
	if err != nil {
		return Status{}, err
	}
	return a.Status, nil
}

// Stall has the node's loop do nothing until GoOn.
func (p *Process) Stall(ctx context.Context) error {
	_, err := p.order(ctx, doStall, "")
	return err
}

// GoOn ends a Stall.
func (p *Process) GoOn(ctx context.Context) error {
	_, err := p.order(ctx, doGoOn, "")
	return err
}

// StoreReady waits until the node can keep copies of sessions.
func (p *Process) StoreReady(ctx context.Context) error {
	a, err := p.order(ctx, doStore, "")
	if err == nil && a.Why != "" {
		err = fmt.Errorf("node %s: %s", p.name, a.Why)
	}
	return err
}

// Drain has the node give its sessions to the others and leave. It returns what became of them.
func (p *Process) Drain(ctx context.Context) (cluster.Drained, error) {
	a, err := p.order(ctx, doDrain, "")
	switch {
	case err != nil:
		return cluster.Drained{}, err
	case a.Why != "":
		return a.Moved, fmt.Errorf("node %s: %s", p.name, a.Why)
	}
	return a.Moved, nil
}

// Kill ends the process without a word, as a crash does, and waits for its end.
func (p *Process) Kill() {
	p.cmd.Process.Kill()
	<-p.ended
}

// Stop has the node leave, and waits for the end of the process. One that takes too long is
// killed, which is an error.
func (p *Process) Stop() error {
	p.in.Close()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-p.ended:
		return nil
	case <-late.C:
		p.Kill()
		return fmt.Errorf("node %s: %w", p.name, ErrSilent)
	}
}
