package cluster

import (
	"strings"
	"testing"
)

// A name of a user or room comes back from its token, which has no letter that means something in
// a subject; two names have two tokens.
func FuzzToken(f *testing.F) {
	for _, name := range []string{"u42", "guild:7", "a.b", "a=2eb", "*", ">", " ", "böse", "\xff\n"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		of := token(name)
		if strings.ContainsAny(of, ".*> \t\r\n") {
			t.Errorf("token of %q is %q", name, of)
		}
		if back, ok := nameOf(of); back != name || ok != (name != "") {
			t.Errorf("%q comes back as %q, %v", name, back, ok)
		}
		nameOf(name) // which may be no token
	})
}

// What is no message of durable packets is an error.
func FuzzDurableMessages(f *testing.F) {
	f.Add([]byte("\x93\xa1i\xa9test:note\xc4\x01x"))
	f.Add([]byte("\x93\xa1u\x07\xa1n"))
	f.Add([]byte("\x93\xa1r\x07\x08"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if id, packet, payload, err := readStored(b); err == nil && len(id)+len(packet)+len(payload) > len(b) {
			t.Errorf("%q %q %q are read of %d bytes", id, packet, payload, len(b))
		}
		if user, at, err := readYield(b); err == nil && len(user)+len(at.Node) > len(b) {
			t.Errorf("%q %+v are read of %d bytes", user, at, len(b))
		}
		if m, err := readEnrolled(b); err == nil && (m.room == "" || len(m.room) > len(b)) {
			t.Errorf("%+v is read of %d bytes", m, len(b))
		}
	})
}
