//go:build !unix

package restart

// Where processes do not give each other sockets, nothing of this can be done.

import (
	"context"
	"os/exec"
)

type process struct{}

// Inherited returns ErrPlatform.
func Inherited() ([]Socket, error) { return nil, ErrPlatform }

// CleanEnvironment does nothing.
func CleanEnvironment() {}

// Give returns ErrPlatform.
func Give(*exec.Cmd, ...Listener) (release func(), err error) { return nil, ErrPlatform }

// Take returns ErrPlatform.
func (r *Restart) Take(context.Context) ([]Socket, error) { return nil, ErrPlatform }

// Commit returns ErrPlatform.
func (r *Restart) Commit(context.Context) error { return ErrPlatform }

// Offer returns ErrPlatform.
func (r *Restart) Offer(...Listener) error { return ErrPlatform }

// Close does nothing.
func (r *Restart) Close() error { return nil }
