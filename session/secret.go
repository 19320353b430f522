package session

// Secrets: what shows that a conn may carry a session.

import (
	"crypto/rand"
	"crypto/subtle"
)

// secretSize is the size of a secret, in bytes: 128 bits.
const secretSize = 16

type secret [secretSize]byte

// newSecret returns a random secret. crypto/rand never fails.
func newSecret() (s secret) {
	rand.Read(s[:])
	return s
}

// equal compares two secrets in a time that does not depend on them.
func (s *secret) equal(t *secret) bool { return subtle.ConstantTimeCompare(s[:], t[:]) == 1 }
