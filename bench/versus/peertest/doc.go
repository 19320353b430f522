// Package peertest tests peers that have a caller of their own.
package peertest
