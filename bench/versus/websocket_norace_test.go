//go:build !race

package main

import "testing"

// The library has data races of its own.
func TestWebSocketServerOfNbio(t *testing.T) { testWebSocketServer(t, "nbio-ws") }
