// Package p declares what the snippets of from-python.md take for granted.
package p

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

var (
	ctx       = context.Background()
	err       error
	reg       *registry.Registry
	serverReg *registry.Registry
	server    *peer.Server
	client    *peer.Client
	memServer *peer.MemoryServer
	conn      *peer.Conn
	id        int
	typ       *registry.Type
	move      registry.Packet[Move]
	moved     registry.Packet[Move]
)

// helloPacket is an object of an internal packet.
type helloPacket struct{}

func f(int)                      {}
func save()                      {}
func draw()                      {}
func playing() bool              { return false }
func count(int) int              { return 0 }
func use([]byte)                 {}
func query(int) (int, error)     { return 0, nil }
func answered(rows int, _ error) {}
