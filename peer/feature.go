package peer

// Feature: abilities beyond the original protocol, each a bit that a side announces in
// handshake_init. A feature is in force on a conn when both sides have announced it.

import "github.com/packetmq/packetmq/registry"

// Feature is an ability beyond the original protocol, as the number of its bit in what a
// side announces, 0 to MaxFeature. PROTOCOL.md, section 10, gives them out.
type Feature uint8

// The features of this package. Packages beside it bring others, by Peer.Extend.
const (
	FeatureOptional Feature = iota // packets that one side may lack, and updates of the ids while a conn is open
	FeatureShapes                  // hashes of the packets' types, for Remote.Differs
	FeatureProgram                 // the program's own version, Identity.Version

	firstExtension              // features from here on are those of Extend
	MaxFeature     Feature = 15 // the largest that there can be
)

// packetID is the id of the feature's internal packet. ok is false for one that can have none.
// The ids are 13 for updates, and 12 down to 4 for the features of Extend.
func (f Feature) packetID() (id uint16, ok bool) {
	switch {
	case f == FeatureOptional:
		return registry.IDUpdate, true
	case f >= firstExtension && f < firstExtension+registry.IDUpdate-registry.IDFinish-1:
		return registry.IDUpdate - 1 - uint16(f-firstExtension), true
	}
	return 0, false
}

// featureOf is the feature whose internal packet has an id. ok is false if there is none.
func featureOf(id uint16) (f Feature, ok bool) {
	switch {
	case id == registry.IDUpdate:
		return FeatureOptional, true
	case id > registry.IDFinish && id < registry.IDUpdate:
		return firstExtension + Feature(registry.IDUpdate-1-id), true
	}
	return 0, false
}

// features is a set of them, one bit for each.
type features uint16

// featureWord is what is known of the features of a conn: those that are in force in the lower
// half, and those that the other side has announced in the upper. Before the other side has,
// the lower half has what this side announces.
func featureWord(inForce, theirs features) uint32 { return uint32(theirs)<<16 | uint32(inForce) }

func (c *Conn) inForce() features { return features(c.features.Load()) }

func (c *Conn) announcedByOther() features { return features(c.features.Load() >> 16) }

func (fs features) has(f Feature) bool { return f <= MaxFeature && fs>>f&1 == 1 }

// announced are the features that a new conn of the peer announces: its own, and those of
// Extend, without those whose packet has an id that a packet of the program has.
func (p *Peer) announced() (fs features) {
	if p.cfg.NoExtensions {
		return 0
	}
	fs = 1<<FeatureOptional | 1<<FeatureShapes | 1<<FeatureProgram
	for f := range p.allExtensions() {
		fs |= 1 << f
	}
	table := p.reg.Table()
	for f := range MaxFeature + 1 {
		if id, ok := f.packetID(); ok && table.Type(id) != nil {
			fs &^= 1 << f
		}
	}
	return fs
}

// Uses reports whether a feature is in force on the conn: both sides have announced it. It is
// known from when the other side's init has come.
func (c *Conn) Uses(f Feature) bool {
	return c.check() == nil && c.inForce().has(f) && c.ids.Load() != nil // which sendPubIDs sets
}
