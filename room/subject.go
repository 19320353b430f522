package room

// Subjects, which packets are published to, and patterns, which members subscribe to.

import (
	"fmt"
	"strings"
)

const (
	// MaxSubject is how long a subject or a pattern may be, in bytes.
	MaxSubject = 256

	// MaxTokens is how many tokens a subject or a pattern may have. With more, one
	// subscription could take more memory.
	MaxTokens = 16
)

// The wildcards: a token that matches any one, and a last one that matches all that follow,
// of which there is one at least.
const (
	anyToken = "*"
	anyRest  = ">"
)

// SubjectError says what is wrong with a subject or a pattern. Nothing was changed or sent.
type SubjectError struct {
	Subject string
	Reason  string
}

func (e *SubjectError) Error() string {
	return fmt.Sprintf("room: subject %.64q: %s", e.Subject, e.Reason)
}

// CheckPattern returns a *SubjectError if Topics.Subscribe would, for this pattern.
func CheckPattern(pattern string) error { return checkSubject(pattern, true) }

// Covers reports whether each subject that the pattern narrow matches is matched by the pattern
// wide too: "px.>" covers "px.eu.*" and "px.eu.bund", but not ">". So a program that lets a client
// subscribe to all that is under "px." asks Covers("px.>", pattern). It is false if one of both is
// no pattern.
func Covers(wide, narrow string) bool {
	if CheckPattern(wide) != nil || CheckPattern(narrow) != nil {
		return false
	}
	for more := true; more; {
		var w, n string
		var moreWide, moreNarrow bool
		w, wide, moreWide = strings.Cut(wide, ".")
		n, narrow, moreNarrow = strings.Cut(narrow, ".")
		switch {
		case w == anyRest:
			return true
		case n == anyRest, w != n && w != anyToken, moreWide != moreNarrow:
			return false
		}
		more = moreWide
	}
	return true
}

// checkSubject returns a *SubjectError if s is no subject, or, if wildcards are allowed, no
// pattern.
func checkSubject(s string, wildcards bool) error {
	if reason := wrongSubject(s, wildcards); reason != "" {
		return &SubjectError{strings.Clone(s), reason}
	}
	return nil
}

// wrongSubject is what is wrong with s, or empty.
func wrongSubject(s string, wildcards bool) string {
	if len(s) > MaxSubject {
		return "it is too long"
	}
	rest, more := s, true
	for n := 1; more; n++ {
		var token string
		token, rest, more = strings.Cut(rest, ".")
		wildcard := token == anyToken || token == anyRest
		switch {
		case n > MaxTokens:
			return "it has too many tokens"
		case token == "":
			return "a token is empty"
		case wildcard && !wildcards:
			return "it has a wildcard"
		case token == anyRest && more:
			return "> is not its last token"
		case !wildcard && strings.ContainsAny(token, anyToken+anyRest):
			return "a wildcard is a part of a token"
		case strings.ContainsFunc(token, isSpaceOrControl):
			return "it has a space or a control character"
		}
	}
	return ""
}

func isSpaceOrControl(c rune) bool { return c <= ' ' || c == 0x7f }
