package registry

// Names and ids: their bounds and what is legal.

import "strings"

// Bounds of what can be registered.
const (
	// MinID is the smallest id of an application's packet; those below are
	// for internal packets.
	MinID = 16
	// MaxID is the largest id of a packet.
	MaxID = 65535
	// MaxNames is the largest number of packets in a registry, internal ones
	// included.
	MaxNames = 4096
	// MaxName is the longest name, in bytes.
	MaxName = maxName
)

// Names of the internal packets, which every registry has.
const (
	NameInit     = "packetmq:handshake_init"
	NameSoftquit = "packetmq:softquit"
	NamePubIDs   = "packetmq:handshake_pubids"
	NameFinish   = "packetmq:handshake_finish"
)

// Ids of the internal packets, the same in every table.
const (
	IDInit     = 0
	IDSoftquit = 1
	IDPubIDs   = 2
	IDFinish   = 3
)

// IDUpdate is the id of updates of the ids, which is in no table either: they go only to
// other sides that have announced to know them. While a registry has a packet of AddInternal
// with this id, new conns do without updates.
const IDUpdate = maxExtra

// Ids of heartbeats, which are not in any table: they go only to other sides
// that have announced to know them.
const (
	IDPing = 14
	IDPong = 15
)

const (
	maxName     = 128          // bytes of a name
	minExtra    = IDFinish + 1 // the first id AddInternal gives
	maxExtra    = IDPing - 1   // the last
	application = "packetmq"   // the application all internal packets belong to
)

// checkName reports a name that is not "application:packet" in printable
// ASCII, of at most 128 bytes. The first colon ends the application; spaces
// and further colons are like any character.
func checkName(name string) error {
	if len(name) > maxName {
		return &NameError{Name: clip(name), Reason: "longer than 128 bytes"}
	}
	for i := range len(name) {
		if c := name[i]; c < ' ' || c > '~' {
			return &NameError{Name: name, Reason: "not printable ASCII"}
		}
	}
	if app, packet, _ := strings.Cut(name, ":"); app == "" || packet == "" {
		return &NameError{Name: name, Reason: "not of the form application:packet"}
	}
	return nil
}

// CheckName reports a name that no packet of an application can have, for packages with names
// of their own that are to look alike. The error is a *NameError.
func CheckName(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if isInternal(name) {
		return &NameError{Name: name, Reason: "the application packetmq is for internal packets"}
	}
	return nil
}

// isInternal tells the names of internal packets from an application's. A
// name decides alone, so the other side's ids can be judged by it.
func isInternal(name string) bool {
	app, _, _ := strings.Cut(name, ":")
	return app == application
}

// clip copies a foreign name, no more of it than a valid one could have: an
// error must not keep alive, or print, what a stranger made large.
func clip(name string) string {
	return strings.Clone(name[:min(len(name), maxName)])
}
