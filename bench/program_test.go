package bench

import (
	"testing"

	"github.com/packetmq/packetmq/internal/command/commandtest"
)

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		line     string
		code     int
		out, err string
	}{
		{"", 2, "", "usage: bench"},
		{"help", 0, "usage: bench", ""},
		{"--help", 0, "serve", ""},
		{"nonsense", 2, "", `"nonsense"`},
		{"serve -h", 0, "-listen", ""},
		{"load -h", 0, "-connect", ""},
		{"run -h", 0, "-memory", ""},
		{"beside -h", 0, "-rounds", ""},
		{"beside --rounds 0", 2, "", "--rounds"},
		{"serve --nonsense", 2, "", "nonsense"},
		{"serve more", 2, "", `"more"`},
		{"serve --mode fast", 2, "", "raw, typed, marshal, any or call"},
		{"serve --loops 0", 2, "", "--loops"},
		{"serve --listen 127.0.0.1:0", 2, "", "tcp://HOST:PORT"},
		{"serve --listen tcp://127.0.0.1", 2, "", "missing port"},
		{"serve --listen unix://relative", 2, "", "unix:///PATH"},
		{"serve --listen udp://127.0.0.1:0", 2, "", "tcp://HOST:PORT"},
		{"serve --listen tcp://192.0.2.1:0", 1, "", "192.0.2.1"},
		{"serve --deadline -1s", 2, "", "--deadline"},
		{"serve --members -1", 2, "", "--members"},
		{"load", 2, "", "--connect is missing"},
		{"load --connect tcp://127.0.0.1:1 --conns 0", 2, "", "--conns"},
		{"load --connect tcp://127.0.0.1:1 --depth 0", 2, "", "--depth"},
		{"load --connect tcp://127.0.0.1:1 --size 99001", 2, "", "--size"},
		{"load --connect tcp://127.0.0.1:1 --size 4096 --depth 1025", 2, "", "under way"},
		{"load --connect tcp://127.0.0.1:1 --duration 0s", 2, "", "--duration"},
		{"load --connect unix:///nowhere/at/all", 1, "", "/nowhere/at/all"},
		{"run --memory -1", 2, "", "--memory"},
		{"run --mode fast", 2, "", "raw, typed, marshal or any"},
		{"run --mode call", 2, "", "raw, typed, marshal or any"},
		{"run --conns 0", 2, "", "--conns"},
	} {
		commandtest.Check(t, tool(), c.line, c.code, c.out, c.err)
	}
}
