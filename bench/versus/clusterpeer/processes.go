package clusterpeer

// The processes of a cluster's nodes.

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/packetmq/packetmq/internal/command"
)

// How many nodes there are.
const (
	usersNodes = 2
	roomNodes  = 3
)

// startPatience is how long nodes may take to find each other.
const startPatience = 20 * time.Second

// nodeProcess is a node in a process of its own, which lives until its standard input ends.
type nodeProcess struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
	addr  string // for clients
	route string // for other nodes
}

// serving serves by n nodes of a library, each the command node of this program, until ctx is
// done. It prints "listening" and the addresses for clients, with commas between them, when all
// nodes know each other.
func serving(ctx context.Context, library string, n int, out io.Writer) error {
	all, err := startNodes(library, n)
	defer stopNodes(all)
	if err != nil {
		return err
	}
	var addrs []string
	for _, p := range all {
		addrs = append(addrs, p.addr)
	}
	fmt.Fprintln(out, "listening", strings.Join(addrs, ","))
	<-ctx.Done()
	return nil
}

// joinable serves by one node until ctx is done, and prints the address for other nodes.
func joinable(ctx context.Context, library string, out io.Writer) error {
	all, err := startNodes(library, 1)
	defer stopNodes(all)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "listening", all[0].route)
	<-ctx.Done()
	return nil
}

// startNodes starts nodes and waits until they know each other. What it returns is to be stopped in
// any case.
func startNodes(library string, n int) (all []*nodeProcess, err error) {
	for i := range n {
		join := ""
		if i > 0 {
			join = all[0].route
		}
		p, err := startNode(library, fmt.Sprint("n", i), join, n)
		if err != nil {
			return all, err
		}
		if all = append(all, p); p.addr == "" {
			return all, fmt.Errorf("clusterpeer: node %d does not come up", i)
		}
	}
	for i, p := range all {
		kill := time.AfterFunc(startPatience, func() { p.cmd.Process.Kill() })
		whole := p.lines.Scan() && p.lines.Text() == "whole"
		if kill.Stop(); !whole {
			return all, fmt.Errorf("clusterpeer: node %d does not find the others", i)
		}
	}
	return all, nil
}

// startNode starts a node and waits for its addresses. It has none if it has ended.
func startNode(library, name, join string, n int) (*nodeProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{"node", library, "--name", name, "--of", fmt.Sprint(n)}
	if join != "" {
		args = append(args, "--join", join)
	}
	p := &nodeProcess{cmd: exec.Command(self, args...)}
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, out, err := command.Start(p.cmd)
	if err != nil {
		return nil, err
	}
	p.in, p.lines = in, bufio.NewScanner(out)
	kill := time.AfterFunc(startPatience, func() { p.cmd.Process.Kill() })
	defer kill.Stop()
	if p.lines.Scan() {
		fmt.Sscanf(p.lines.Text(), "listening %s %s", &p.addr, &p.route)
	}
	return p, nil
}

// stopNodes ends the processes, all at the same time.
func stopNodes(all []*nodeProcess) {
	var wg sync.WaitGroup
	for _, p := range all {
		p.in.Close()
		wg.Go(func() {
			kill := time.AfterFunc(5*time.Second, func() { p.cmd.Process.Kill() })
			defer kill.Stop()
			for p.lines.Scan() {
			}
			p.cmd.Wait()
		})
	}
	wg.Wait()
}

// Node is what one node is told.
type Node struct {
	Name string
	Join string // the address of another node's server; empty: it is the first
	Of   int    // nodes that there will be
}

// serve tells where the node listens, and then that the others are there, and returns when ctx is
// done or in ends.
func (n *Node) serve(ctx context.Context, in io.Reader, out io.Writer, addr, route string, others func() int) error {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		io.Copy(io.Discard, in)
	}()
	fmt.Fprintln(out, "listening", addr, route)
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for whole := false; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-ended:
			return nil
		case <-look.C:
			if !whole && others() == n.Of-1 {
				whole = true
				look.Stop()
				fmt.Fprintln(out, "whole")
			}
		}
	}
}
