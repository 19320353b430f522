// Package interop tests package websocket against other people's WebSocket: coder/websocket as
// a client and as a server, and Chromium, driven by chromedp. It is a module of its own, so that
// the library needs neither.
//
// Without Chromium (Debian: apt-get install chromium) the tests with it are skipped, unless
// PACKETMQ_NEED_CHROMIUM is set.
package interop
