package harness

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/bench/versus/result"
)

func TestServerArgs(t *testing.T) {
	find := func(name string) Peer {
		p, _ := Find(Peers(), name)
		return p
	}
	for _, tc := range []struct {
		server server
		want   string
		env    string
	}{
		{server{subject: subject{find("limit"), "raw"}}, "bin/limit", "GOMAXPROCS=1"},
		{server{subject: subject{find("packetmq"), "typed"}}, "bin/bench serve --mode typed", "GOMAXPROCS=1"},
		{server{subject: subject{find("packetmq"), "go"}}, "bin/bench serve --mode call", "GOMAXPROCS=1"},
		{server{subject: subject{find("gnet"), "raw"}, loops: 2}, "bin/versus serve gnet --mode raw --loops 2", "GOMAXPROCS=2"},
	} {
		tc.server.Config = &Config{Bin: "bin", Procs: 1}
		if got := strings.Join(tc.server.args(), " "); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
		if got := tc.server.env(); !slices.Equal(got, []string{tc.env}) {
			t.Errorf("%s: got %q, want %q", tc.want, got, tc.env)
		}
	}
}

// A load is the C program's where it can be, and the library's own client's for calls.
func TestLoadArgs(t *testing.T) {
	self := &process{cmd: &exec.Cmd{Process: &os.Process{Pid: os.Getpid()}}}
	for _, tc := range []struct {
		peer, mode, group string
		want, without     string
	}{
		{"packetmq", "typed", result.Closed, "bin/load --connect", "--mode"},
		{"packetmq", "typed", result.Calls, "bin/versus call packetmq --mode typed --connect", "--handshake"},
		{"packetmq", "go", result.Calls, "bin/versus call packetmq --mode go --connect", "--handshake"},
		{"grpc", "raw", result.Closed, "bin/versus call grpc --mode raw --connect", "--handshake"},
		{"netrpc", "call", result.Calls, "bin/versus call netrpc --mode call --connect", "--handshake"},
	} {
		p, _ := Find(Peers(), tc.peer)
		tr := trial{server: &server{Config: &Config{Bin: "bin"}, subject: subject{p, tc.mode}, process: self}, cell: result.Cell{Group: tc.group, Conns: 1}}
		if got := strings.Join(tr.load(), " "); !strings.HasPrefix(got, tc.want) || strings.Contains(got, tc.without) {
			t.Errorf("%s %s: got %q", tc.peer, tc.group, got)
		}
	}
}

// A server that has failed too often is not started again.
func TestServerGivenUp(t *testing.T) {
	broken := errors.New("broken")
	s := server{Config: new(Config)}
	for range mostFailed {
		if err := s.down(broken); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
	}
	if err := s.up(t.Context()); !errors.Is(err, broken) || !strings.Contains(err.Error(), "given up") {
		t.Errorf("got %v", err)
	}
	s.stop() // which does not run
}

func TestTrials(t *testing.T) {
	cfg := &Config{Peers: Peers(), Modes: []string{"raw", "typed", "call", "go"}, Rounds: 3}
	for _, tc := range []struct {
		group string
		want  []string // of packetmq and gnet, and those of grpc and netrpc that are called
	}{
		{result.Closed, []string{"packetmq", "packetmq typed", "gnet", "gnet typed"}},
		{result.Growth, []string{"packetmq", "gnet"}},
		{result.Loops, []string{"packetmq", "packetmq", "packetmq typed", "packetmq typed", "gnet", "gnet"}},
		{result.Calls, []string{"packetmq typed", "packetmq call", "packetmq go", "grpc call", "netrpc call", "arpc call"}},
		{result.Open, nil}, // there is no capacity to take a share of
	} {
		cells := cfg.cells(tc.group)
		if tc.group != result.Loops {
			cells = cells[:1]
		}
		trials, servers := cfg.trials(cells, nil)
		var got []string
		for _, tr := range trials {
			if tr.Name == "packetmq" || tr.Name == "gnet" || tr.mode == "call" && strings.HasSuffix(tr.Name, "rpc") && tr.Name != "ttrpc" {
				got = append(got, tr.key().String())
			}
			if tr.shares != (tc.group == result.Loops) || tr.loops != tr.cell.Loops {
				t.Errorf("%s: %+v", tc.group, tr)
			}
		}
		if !slices.Equal(got, tc.want) || len(servers) != len(trials) {
			t.Errorf("%s: got %q, want %q; %d servers for %d trials", tc.group, got, tc.want, len(servers), len(trials))
		}
	}
}
