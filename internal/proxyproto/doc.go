// Package proxyproto reads the header of the PROXY protocol, versions 1 and 2, with which a
// proxy begins a conn to say whose conn it relays.
//
// Parse does no input of its own. Read reads a header, and never takes a byte after it, so
// that what follows is left for whoever reads next.
package proxyproto
