// Package console reads the figures that package inspect serves over HTTP.
//
//	c, err := console.New("localhost:7070", nil, nil)
//	s, err := c.Snapshot(ctx, inspect.Query{Sort: "out"})
//
// A Console may be used on any goroutine.
package console
