// Package middleware has ready-made middleware to put around the handlers of a peer: a log
// line for each packet, the time that handlers take, who may send what, and an answer to
// panics.
//
//	srv.Use(
//		middleware.Log(logger, slog.LevelDebug),
//		middleware.Authorise(mayUse),
//	)
//	peer.Handle(srv, upload, onUpload, peer.With(middleware.Recover(sorry)))
//
// Each function returns a peer.Middleware that may be used by any number of peers and
// handlers. The functions that a program gives it are called on the loops of the conns, at
// the same time if there are several loops. Limits on how many packets come are in package
// rate. peer.Peer.Use says how middleware is composed, and what comes before it.
package middleware

import (
	"fmt"

	"github.com/packetmq/packetmq/peer"
)

// mustHave panics if a program gives a constructor nil for a function.
func mustHave(given bool, call string) {
	if !given {
		panic(fmt.Errorf("middleware: %s: %w function", call, peer.ErrNil))
	}
}
