package main

// A client, of either year.

import (
	"context"
	"fmt"
	"io"

	"github.com/packetmq/packetmq/peer"
)

// player is a client that prints what it is told.
type player struct {
	*peer.Client
	out     io.Writer
	answers chan string
}

// play does all that the client's version can do.
func (p *player) play(ctx context.Context) error {
	conn := p.Default()
	if err := peer.Send(conn, move, &Move{X: 3, Y: 4}); err != nil {
		return err
	}
	if err := p.print(ctx); err != nil {
		return err
	}
	if conn.Knows(wave) {
		if err := peer.Send(conn, wave, &Wave{To: "everybody"}); err != nil {
			return err
		}
		if err := p.print(ctx); err != nil {
			return err
		}
	}
	if quest.In(p.Registry()) == nil {
		return nil
	}
	if err := p.begin(ctx, conn); err != nil {
		return err
	}
	return p.print(ctx)
}

// begin sends a packet of the module as soon as both sides have told each other that they
// have it.
func (p *player) begin(ctx context.Context, conn *peer.Conn) error {
	updated := make(chan struct{}, 1)
	defer p.Observe(peer.Observer{Updated: func(*peer.Conn) {
		select {
		case updated <- struct{}{}:
		default: // it is about to look anyway
		}
	}})()
	for !conn.Knows(quest) {
		select {
		case <-updated:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return peer.Send(conn, quest, &Quest{Name: "the hill"})
}

// print prints the next answer.
func (p *player) print(ctx context.Context) error {
	select {
	case a := <-p.answers:
		fmt.Fprintln(p.out, a)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
