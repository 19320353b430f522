package game

// Tokens: how a player shows who it is. A token is a name, signed with the arena's key. In a
// real game a web service would give it to who has paid, with a time until when it is valid.

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
)

// maxName bounds the name of a player, in bytes.
const maxName = 32

var errToken = errors.New("the token is none of this arena")

// key signs the tokens of an arena.
type key []byte

// token is what the player of a name shows.
func (k key) token(name string) []byte {
	return append(append([]byte(name), ' '), k.sign(name)...)
}

// name is whose token it is.
func (k key) name(token []byte) (string, error) {
	name, signature, ok := bytes.Cut(token, []byte(" "))
	if !ok || len(name) == 0 || len(name) > maxName || !hmac.Equal(signature, k.sign(string(name))) {
		return "", errToken
	}
	return string(name), nil
}

func (k key) sign(name string) []byte {
	mac := hmac.New(sha256.New, k)
	mac.Write([]byte(name))
	return hex.AppendEncode(nil, mac.Sum(nil))
}

// keyVar is the variable of the environment that has the key, for a server and bots that are
// started apart.
const keyVar = "ARENA_KEY"

func newKey() key { return key(rand.Text()) }
