package middleware

// Labels: profiles that tell packet types apart.

import (
	"context"
	"runtime/pprof"
	"sync"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// Labels has the label "packet" on the loop's goroutine while a handler runs, with the name of
// the packet type, so that a CPU profile tells what the time goes into:
//
//	go tool pprof -tagfocus packet=chat:say …
//
// It costs some 30 ns for each packet, and allocates for the first one of each type.
// Goroutines that the handler starts have the label too, as long as they live. After the
// handler the goroutine has no labels.
func Labels() peer.Middleware {
	var known sync.Map // *registry.Type to context.Context
	none := context.Background()
	labelled := func(t *registry.Type) context.Context {
		if ctx, ok := known.Load(t); ok {
			return ctx.(context.Context)
		}
		ctx, _ := known.LoadOrStore(t, pprof.WithLabels(none, pprof.Labels("packet", t.Name())))
		return ctx.(context.Context)
	}
	return func(next peer.Next) peer.Next {
		return func(in *peer.Incoming) error {
			defer pprof.SetGoroutineLabels(none) // a panic goes on without them
			pprof.SetGoroutineLabels(labelled(in.Packet()))
			return next(in)
		}
	}
}
